"""The training loop of the assignment, around the update rules of :mod:`cs231n.optim`."""

from __future__ import annotations

from typing import Any

from cs231n import optim
from cs231n.coco_utils import sample_coco_minibatch

_DEFAULTS = {
    "update_rule": "sgd", "optim_config": {}, "lr_decay": 1.0, "batch_size": 100,
    "num_epochs": 10, "print_every": 10, "verbose": True,
}  # fmt: skip


class CaptioningSolver:
    """Trains any model with ``params`` and ``loss(features, captions)`` on the dict of 2017.

    Minibatches follow ``np.random.seed``, and :meth:`train`, called again, trains on. The book's
    :class:`cs231n_lib.speak.training.CaptioningSolver` does more: checkpoints, schedules, clipping.
    """

    def __init__(self, model: Any, data: dict[str, Any], **kwargs: Any) -> None:
        unknown = kwargs.keys() - _DEFAULTS.keys()
        if unknown:
            raise ValueError(f"CaptioningSolver: unknown arguments {sorted(unknown)}")
        vars(self).update(_DEFAULTS | kwargs)
        if self.update_rule not in optim.__all__:
            rules = " or ".join(optim.__all__)
            raise ValueError(f"CaptioningSolver: update_rule is not {rules}: {self.update_rule!r}")
        self.update_rule = getattr(optim, self.update_rule)
        self.model, self.data, self.epoch = model, data, 0
        self.loss_history: list[float] = []
        self.optim_configs = {name: dict(self.optim_config) for name in model.params}

    def train(self) -> None:
        """Train for ``num_epochs``, from where the last call ended."""
        steps = max(len(self.data["train_captions"]) // self.batch_size, 1)
        total = self.num_epochs * steps
        for step in range(total):
            self._step()
            if self.verbose and step % self.print_every == 0:
                print(f"(Iteration {step + 1} / {total}) loss: {self.loss_history[-1]:f}")
            if (step + 1) % steps == 0:
                self.epoch += 1
                for config in self.optim_configs.values():
                    config["learning_rate"] *= self.lr_decay

    def _step(self) -> None:
        captions, features, _ = sample_coco_minibatch(self.data, self.batch_size, "train")
        loss, grads = self.model.loss(features, captions)
        self.loss_history.append(loss)
        for name, w in self.model.params.items():
            next_w, config = self.update_rule(w, grads[name], self.optim_configs[name])
            self.model.params[name], self.optim_configs[name] = next_w, config
