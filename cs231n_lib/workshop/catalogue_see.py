"""The mistakes that readers make in the half that sees: what they did, a hint, and the edit.

As in :mod:`cs231n_lib.workshop.catalogue`, which has those of the half that speaks.
"""

from __future__ import annotations

from cs231n_lib.workshop.mistakes import wrong as _wrong

_COLOURS = "One number per pixel: which of its three colours counts?"
_SCORE = "Of which number is the gradient asked for?"
_LENGTH = "How long is a step?"
_ORDER = "Each picture has a gradient, and a length, of its own."

_GRADIENTS = "gradients, _ = input_gradients(X, y, model)"
COMPUTE_SALIENCY_MAPS = (
    _wrong("The absolute value is missing.", "Which matters more, a slope of -3 or of 1?", ("gradients.abs().amax", "gradients.amax")),
    _wrong("The absolute value was taken after the maximum.", "Which matters more, a slope of -3 or of 1?",
           ("gradients.abs().amax(dim=1)", "gradients.amax(dim=1).abs()")),
    _wrong("The three colours were added up.", _COLOURS, (".amax(dim=1)", ".sum(dim=1)")),
    _wrong("The three colours were averaged.", _COLOURS, (".amax(dim=1)", ".mean(dim=1)")),
    _wrong("The length of the three colours' gradient was taken, not the largest.", _COLOURS,
           ("gradients.abs().amax(dim=1)", "gradients.norm(dim=1)")),
    _wrong("The maximum was taken over the pictures, not over the colours.", "Which axis holds the colours?", ("dim=1", "dim=0")),
    _wrong("The axis of the colours is still there.", "Which shape should the maps have?", ("amax(dim=1)", "amax(dim=1, keepdim=True)")),
    _wrong("The gradient is that of the mean over the batch. It should be that of the sum: then each picture has its own.",
           "Should a map depend on how many pictures there are?", (_GRADIENTS, _GRADIENTS + "\n    gradients = gradients / len(X)")),
    _wrong("The gradient is that of the highest score, not of the class y.", "Which argument have you not used?",
           ("input_gradients(X, y, model)", "input_gradients(X, model(X).argmax(dim=1), model)")),
    _wrong("The gradient is that of all scores together, not of the class y.", _SCORE,
           ("(X, y, model)", "(X, y, model, lambda scores, y: scores.sum(dim=1))")),
    _wrong("scores[:, y] has every picture's score of all the classes in y. Each picture has one class.", "Which shape has scores[:, y]?",
           ("(X, y, model)", "(X, y, model, lambda scores, y: scores[:, y].sum(dim=1))")),
    _wrong("The gradient is that of the cross entropy. It should be that of the score.", _SCORE,
           ("(X, y, model)", "(X, y, model, lambda scores, y: torch.nn.functional.cross_entropy(scores, y, reduction='none'))")),
    _wrong("The gradient is that of the probability. It should be that of the score, before any softmax.", _SCORE,
           ("(X, y, model)", "(X, y, model, lambda scores, y: scores.softmax(dim=1).gather(1, y[:, None])[:, 0])")),
)  # fmt: skip

_SQUARED = "(G**2 if squared else G).sum(dim=0)"
SMOOTH_GRAD = (
    _wrong("The absolute value was taken before the mean. Noise then no longer cancels.", "What is averaged?",
           (_SQUARED, "(G**2 if squared else G.abs()).sum(dim=0)")),
    _wrong("The maps were averaged. Average the gradients, and make one map of their mean.", "What is averaged?",
           (_SQUARED, "(G**2 if squared else G).abs().amax(dim=2, keepdim=True).sum(dim=0)")),
    _wrong("squared is not used.", "Which argument have you not used?", (_SQUARED, "G.sum(dim=0)")),
    _wrong("With squared, the mean of the gradients was squared. It should be the mean of their squares.", "Squared and then averaged, or the other way round?",
           (_SQUARED, "G.sum(dim=0)"), ("(total / samples).abs()", "((total / samples) ** (1 + squared)).abs()")),
    _wrong("Each picture got noise of its own. All pictures get the same.", "What does the docstring say about the seed?",
           ("normal(X.shape[1:], rng)", "normal(X.shape, rng)"), ("torch.stack(noise).to(X)[:, None]", "torch.stack(noise).to(X)")),
    _wrong("All pictures share one range, the batch's.", "Should a map depend on the other pictures of the batch?",
           ("(X.amax(dim=(1, 2, 3)) - X.amin(dim=(1, 2, 3)))", "(X.max() - X.min()) * torch.ones(len(X))")),
    _wrong("Each colour has a range of its own. It is that of all three together.", "Of what is sigma a share?",
           ("(X.amax(dim=(1, 2, 3)) - X.amin(dim=(1, 2, 3)))", "(X.amax(dim=(2, 3), keepdim=True) - X.amin(dim=(2, 3), keepdim=True))"),
           ("reach[:, None, None, None]", "reach")),
    _wrong("The squares of the gradients were averaged, although they were not asked for.", "What does the argument squared say?",
           (_SQUARED, "(G**2).sum(dim=0)")),
    _wrong("The gradients were added up, not averaged.", "What should become of the map if there are twice as many copies?",
           ("total / samples", "total")),
    _wrong("The noise has standard deviation sigma. It should be sigma times the range of the picture's values.",
           "Of what is sigma a share?", ("sigma * (X.amax(dim=(1, 2, 3)) - X.amin(dim=(1, 2, 3)))", "sigma * torch.ones(len(X))")),
    _wrong("The noise is scaled by the largest value, not by the range from the smallest to the largest.",
           "Of what is sigma a share?", (" - X.amin(dim=(1, 2, 3))", "")),
    _wrong("The noise is scaled by the standard deviation of the picture, not by its range.", "Of what is sigma a share?",
           ("(X.amax(dim=(1, 2, 3)) - X.amin(dim=(1, 2, 3)))", "X.std(dim=(1, 2, 3))")),
    _wrong("There is no noise: this is the plain gradient.", "What does each copy get?",
           ("noisy = X + reach[:, None, None, None] * noise", "noisy = X + 0 * noise")),
    _wrong("The noise is not added to the picture: the network sees noise alone.", "What does each copy get?",
           ("noisy = X + reach", "noisy = reach")),
    _wrong("All copies got the same noise.", "How many copies are drawn?", ("torch.stack(noise)", "torch.stack(noise[:1] * count)")),
    _wrong("The noise adds up from copy to copy. Each copy is the picture and one draw.", "From what does the next copy start?",
           ("torch.stack(noise)", "torch.stack(noise).cumsum(dim=0)")),
    _wrong("The absolute value is missing.", "Which matters more, a slope of -3 or of 1?", (".abs().amax", ".amax")),
    _wrong("The three colours were averaged.", _COLOURS, ("amax(dim=1)", "mean(dim=1)")),
)  # fmt: skip

_MIDDLES = "(torch.arange(steps, dtype=torch.float64) + 0.5) / steps"
_OUT = "(X - baseline) * total / steps"
INTEGRATED_GRADIENTS = (
    _wrong("The points are at the left ends of the pieces, not in their middles.", "What is the midpoint rule?",
           (_MIDDLES, "torch.arange(steps, dtype=torch.float64) / steps")),
    _wrong("The points are at the right ends of the pieces, not in their middles.", "What is the midpoint rule?",
           (_MIDDLES, "(torch.arange(steps, dtype=torch.float64) + 1) / steps")),
    _wrong("The points run from 0 to 1, both ends included, and count alike.", "What is the midpoint rule?",
           (_MIDDLES, "torch.linspace(0, 1, steps, dtype=torch.float64)")),
    _wrong("The average of the gradients was not multiplied by X - baseline.", "How do slopes become shares of the score?",
           (_OUT, "total / steps")),
    _wrong("The average was multiplied by X. It should be X - baseline.", "How far has each pixel moved?", (_OUT, "X * total / steps")),
    _wrong("The gradients were added up, not averaged.", "By what does the formula divide?", (_OUT, "(X - baseline) * total")),
    _wrong("The sign of X - baseline is wrong.", "From where to where does the path go?", (_OUT, "(baseline - X) * total / steps")),
    _wrong("The baseline is 0 in normalised units, which is grey. Black is normalize(0).", "What does a normalised 0 look like?",
           ("normalize(torch.zeros_like(X[:1]))", "torch.zeros_like(X[:1])")),
    _wrong("The path leads from 0 to X: the baseline was not added.", "Where is the path at alpha = 0?",
           ("path = baseline + ", "path = ")),
    _wrong("The path is alpha * X. It should start at the baseline.", "Where is the path at alpha = 0?",
           ("path = baseline + alpha[:, None, None, None, None] * (X - baseline)", "path = alpha[:, None, None, None, None] * X")),
    _wrong("All gradients were taken at X itself.", "Where on the path is each gradient taken?",
           ("alpha[:, None, None, None, None] * (X - baseline)", "(1 + 0 * alpha[:, None, None, None, None]) * (X - baseline)")),
    _wrong("The gradients were taken with respect to X through the path, which brings in one more alpha.",
           "With respect to what is the gradient taken?",
           ("G.view(path.shape).sum", "(alpha[:, None, None, None, None] * G.view(path.shape)).sum")),
    _wrong("The argument baseline is not used: the path always starts at black.", "Which argument have you not used?",
           ("if baseline is None:", "if True:")),
    _wrong("The absolute values of the gradients were averaged.", "What should the attributions add up to?",
           ("G.view(path.shape).sum", "G.view(path.shape).abs().sum")),
    *(
        _wrong(f"Only the last point's gradient counts{also}.", "How do the gradients of the points join?",
               ("total += G.view(path.shape).sum(dim=0)", f"total = {times}G.view(path.shape)[-1]"))
        for also, times in (("", "steps * "), (", and it was divided by steps", ""))
    ),
    _wrong("The absolute value was taken. Attributions have a sign.", "What should they add up to?", (_OUT, f"({_OUT}).abs()")),
)  # fmt: skip

MAKE_FOOLING_IMAGE = (
    _wrong("The steps go down the target's score.", "Should the target's score rise or fall?",
           ("+= learning_rate", "-= learning_rate")),
    _wrong("The gradient was not divided by its length.", _LENGTH, ("* unit_step(g[going])", "* g[going]")),
    _wrong("The gradient was divided by the square of its length.", _LENGTH,
           ("* unit_step(g[going])", "* g[going] / g[going].square().sum(dim=(1, 2, 3), keepdim=True)")),
    _wrong("The gradient was divided by its largest number, not by its length.", _LENGTH,
           ("* unit_step(g[going])", "* g[going] / g[going].abs().amax(dim=(1, 2, 3), keepdim=True)")),
    _wrong("The gradient was divided by the sum of its absolute values, not by its length.", _LENGTH,
           ("* unit_step(g[going])", "* g[going] / g[going].abs().sum(dim=(1, 2, 3), keepdim=True)")),
    _wrong("The steps go along the sign of the gradient.", _LENGTH, ("* unit_step(g[going])", "* g[going].sign()")),
    _wrong("The gradient is that of the cross entropy's negative. It should be that of the score.", _SCORE,
           ("return target if climb", "return target - scores.logsumexp(dim=1) if climb")),
    _wrong("The gradient is that of the target's score minus the best other. Here it is that of the target's alone.", _SCORE,
           ('if climb == "score" else target - rival', 'if climb == "" else target - rival')),
    _wrong("The gradient is taken at the first picture every time.", "At which picture is the slope needed?",
           ("        going = ", "        first = first if step else g\n        g = first[working]\n        going = ")),
    _wrong("The gradients add up from step to step: X.grad was not set to zero.", "What does backward() do with what is in X.grad already?",
           ("        going = ", "        total = total if step else torch.zeros_like(Z)\n        total[working] += g\n        g = total[working]\n        going = ")),
    _wrong("All pictures share one length.", _ORDER, ("* unit_step(g[going])", "* g[going] / g[going].norm()")),
    _wrong("Pictures that fool the model already keep moving until all do.", "When is each picture done?",
           ("working = working[going]", "pass"), ("unit_step(g[going])", "unit_step(g)"), ("detour[going]", "detour")),
    _wrong("One step too many: it is taken before the loop is left.", "When is the loop left?",
           ("X_fooling[working], steps[working] = X_now, step", "X_fooling[working], steps[working] = X_now + learning_rate * unit_step(g), step")),
    _wrong("The loop goes on although the picture fools the model.", "When is the loop left?",
           ("going = (scores[0] - scores[1] <= margin)", "going = (scores[0] == scores[0])")),
)  # fmt: skip

_EACH, _FIRST = (
    "(model if isinstance(model, list) else [model])",
    "model[0] if isinstance(model, list) else model",
)
_SEVERAL = "How do the losses of several models join?"
_CROSS = "g, _ = loss_gradient(pixels, y, model)"
FGSM = (
    _wrong("The sign is missing: the step follows the gradient itself.", "How far does each number move?", ("g.sign()", "g")),
    _wrong("The step is along the gradient divided by its length. It should be along its sign.", "How far does each number move?",
           ("g.sign()", "unit_step(g)")),
    _wrong("The step goes the wrong way.", "Should the loss of y rise or fall?", ("-epsilon if targeted else epsilon", "epsilon if targeted else -epsilon")),
    _wrong("targeted is not used.", "Which argument have you not used?", ("-epsilon if targeted else epsilon", "epsilon")),
    _wrong("epsilon was spent in normalised units. It is in pixels from 0 to 1.", "What is one step of a pixel worth after normalising?",
           ("normalize((pixels + step * g.sign()).clamp(0, 1))", "X + step * g.sign()")),
    _wrong("epsilon was spent in normalised units, though the range of pixels was kept.", "What is one step of a pixel worth after normalising?",
           ("normalize((pixels + step * g.sign()).clamp(0, 1))", "normalize(denormalize(X + step * g.sign()).clamp(0, 1))")),
    _wrong("The pixels may leave their range.", "Can a pixel be larger than 1?", ("(pixels + step * g.sign()).clamp(0, 1)", "pixels + step * g.sign()")),
    _wrong("The normalised picture was clipped to 0 and 1.", "What is the range of a normalised picture?",
           ("normalize((pixels + step * g.sign()).clamp(0, 1))", "normalize(pixels + step * g.sign()).clamp(0, 1)")),
    _wrong("epsilon was divided by 255 once more.", "What are 8 grey levels as a share of white?",
           ("-epsilon if targeted else epsilon", "(-epsilon if targeted else epsilon) / 255")),
    _wrong("The picture is returned in pixels, not normalised.", "What does the model read?",
           ("normalize((pixels + step * g.sign()).clamp(0, 1))", "(pixels + step * g.sign()).clamp(0, 1)")),
    _wrong("The gradient is that of minus the score of y. It should be that of the cross entropy.", _SCORE,
           (_CROSS, f"g = -sum(input_gradients(normalize(pixels), y, m)[0] for m in {_EACH})")),
    _wrong("Of several models only the first was asked.", _SEVERAL, (_CROSS, _CROSS.replace("model", _FIRST))),
)  # fmt: skip

PGD = (
    _wrong("The change was never brought back into the budget.", "What does the P stand for?",
           ("project(pixels + step - start, epsilon, norm)", "pixels + step - start")),
    _wrong("The budget was kept at the end only, not after each step.", "What does the second step start from?",
           ("project(pixels + step - start, epsilon, norm)", "pixels + step - start"),
           ("return normalize(pixels)", "return normalize((start + project(pixels - start, epsilon, norm)).clamp(0, 1))")),
    _wrong("The pixels may leave their range.", "Can a pixel be larger than 1?",
           ("change = project(pixels + step - start, epsilon, norm)\n        pixels = (start + change).clamp(0, 1)",
            "change = project(pixels + step - start, epsilon, norm)\n        pixels = start + change")),
    _wrong("Each step is as long as the budget.", _LENGTH, ("2.5 * epsilon / steps", "epsilon")),
    _wrong("The steps are epsilon / 4 long, however many there are.", _LENGTH, ("2.5 * epsilon / steps", "epsilon / 4")),
    _wrong("The steps are epsilon / steps long. The factor 2.5 is missing.", _LENGTH, ("2.5 * epsilon / steps", "epsilon / steps")),
    _wrong("The steps go the wrong way.", "Should the loss of y rise or fall?", ("-g if targeted else g", "g if targeted else -g")),
    _wrong("targeted is not used.", "Which argument have you not used?", ("-g if targeted else g", "g")),
    _wrong("Of several models only the first was asked.", _SEVERAL, (_CROSS, _CROSS.replace("model", _FIRST))),
    _wrong("seed is not used: the first point is always the picture itself.", "Which argument have you not used?", ("if seed is not None:", "if False:")),
    _wrong("The gradient is taken at the first picture every time.", "At which picture is the slope needed?",
           ("loss_gradient(pixels, y, model)", "loss_gradient(start, y, model)")),
    _wrong("The steps follow the gradient itself, not the steepest direction of length 1.", _LENGTH,
           ("steepest(-g if targeted else g, norm)", "(-g if targeted else g)")),
    _wrong("The steps go along the sign of the gradient in both norms.", "Which direction is steepest in the norm 2?",
           ("steepest(-g if targeted else g, norm)", '(-g if targeted else g).sign()')),
    _wrong("The budget is kept number by number in both norms.", "What does a budget in the norm 2 limit?",
           ("project(pixels + step - start, epsilon, norm)", '(pixels + step - start).clamp(-epsilon, epsilon)')),
    _wrong("The picture is returned in pixels, not normalised.", "What does the model read?", ("return normalize(pixels)", "return pixels")),
    _wrong("All was done in normalised units. epsilon is in pixels from 0 to 1.", "What is one step of a pixel worth after normalising?",
           ("start = pixels = denormalize(X.detach()).clamp(0, 1)", "start = pixels = X.detach()"),
           ("g, _ = loss_gradient(pixels, y, model)", f"g = sum(input_gradients(pixels, y, m, cross_entropy)[0] for m in {_EACH})"),
           ("epsilon, norm)\n        pixels = (start + change).clamp(0, 1)\n    return normalize(pixels)", "epsilon, norm)\n        pixels = start + change\n    return pixels")),
)  # fmt: skip

_UNIT = "unit_step(g)"
STEEPEST = (
    _wrong("In the norm 2, all pictures share one length.", _ORDER, (_UNIT, "g / g.norm()")),
    _wrong("In the norm 2, a gradient of zero becomes NaN.", "What is 0 / 0?", (_UNIT, "g / g.flatten(1).norm(dim=1)[:, None, None, None]")),
    _wrong("In the norm 2, the gradient was divided by the sum of absolute values.", "What is the norm 2 of a vector?",
           (_UNIT, "g / g.abs().sum(dim=(1, 2, 3), keepdim=True).clamp(min=1e-300)")),
    _wrong("In the norm 2, the gradient was divided by its squared length.", "What is the norm 2 of a vector?",
           (_UNIT, "g / g.square().sum(dim=(1, 2, 3), keepdim=True).clamp(min=1e-300)")),
    _wrong("In the norm 2, the gradient was not divided by its length.", "How long should the direction be?", (_UNIT, "g")),
    _wrong("In the norm inf, the gradient was divided by its largest number.", "How far may each number move in the norm inf?",
           ("else g.sign()", "else g / g.abs().amax(dim=(1, 2, 3), keepdim=True).clamp(min=1e-300)")),
    _wrong("The sign was taken in both norms.", "Which direction is steepest in the norm 2?", (f"{_UNIT} if norm == 2 else g.sign()", "g.sign()")),
    _wrong("The gradient was divided by its length in both norms.", "How far may each number move in the norm inf?",
           (f"{_UNIT} if norm == 2 else g.sign()", _UNIT)),
    _wrong("The two norms are exchanged.", "Which norm has the sign?", ("norm == 2", "norm != 2")),
)  # fmt: skip

_SCALED = "change * (epsilon / length.clamp(min=tiny)).clamp(max=1)"
PROJECT = (
    _wrong("In the norm 2, changes that are within the budget were scaled up to its edge.", "What is the nearest change, if it is within already?",
           (").clamp(max=1)", ")")),
    _wrong("In the norm 2, all pictures share one length.", "Each picture has a budget of its own.",
           ("torch.linalg.vector_norm(change, dim=(1, 2, 3), keepdim=True)", "torch.linalg.vector_norm(change)")),
    _wrong("In the norm 2, the squared length was compared with the budget.", "What is the norm 2 of a vector?",
           ("keepdim=True)", "keepdim=True) ** 2")),
    _wrong("In the norm 2, each pixel was scaled by itself.", "What does a budget in the norm 2 limit?", ("dim=(1, 2, 3)", "dim=1")),
    _wrong("In the norm 2, the change was clipped number by number.", "What does a budget in the norm 2 limit?", (_SCALED, "change.clamp(-epsilon, epsilon)")),
    _wrong("In the norm 2, a change of zero becomes NaN.", "What is 0 / 0?", (_SCALED, "change / length * length.clamp(max=epsilon)")),
    _wrong("In the norm inf, the change was clipped from above only.", "How small may a number be?", ("change.clamp(-epsilon, epsilon)", "change.clamp(max=epsilon)")),
    _wrong("In the norm inf, the change was scaled as a whole.", "In the norm inf each number has its own limit.",
           ("change.clamp(-epsilon, epsilon)", "change * (epsilon / change.abs().amax(dim=(1, 2, 3), keepdim=True).clamp(min=1e-300)).clamp(max=1)")),
    _wrong("The two norms are exchanged.", "In which norm has each number its own limit?", ("norm != 2", "norm == 2")),
)  # fmt: skip

_REG = "g = g - 2 * l2_reg * img"
_STEP = "img + learning_rate * unit_step(g)"
CLASS_VISUALIZATION_STEP = (
    _wrong("The squared norm is not subtracted.", "Which argument have you not used?", (_REG, "g = g")),
    _wrong("The gradient of the squared norm lacks its factor 2.", "What is the derivative of x**2?", (_REG, "g = g - l2_reg * img")),
    _wrong("The squared norm was added. It should be subtracted.", "Should large pixels pay or be paid?", (_REG, "g = g + 2 * l2_reg * img")),
    _wrong("The gradient of the norm was subtracted, not that of its square.", "What is the derivative of the squared norm?",
           (_REG, "g = g - l2_reg * unit_step(img)")),
    _wrong("The step goes downhill.", "Should the score rise or fall?", (_STEP, "img - learning_rate * unit_step(g)")),
    _wrong("The gradient was not divided by its length.", _LENGTH, (_STEP, "img + learning_rate * g")),
    _wrong("The gradient was divided by its length before the norm was subtracted.", "Of what is the gradient, before it is scaled?",
           (_REG, "pass"), (_STEP, "img + learning_rate * (unit_step(g) - 2 * l2_reg * img)")),
    _wrong("All pictures share one length.", _ORDER, (_STEP, "img + learning_rate * g / g.norm()")),
    _wrong("The gradient is that of the mean score over the batch, so the norm counts too much.", "Should a picture depend on how many others there are?",
           (_REG, "g = g / len(img) - 2 * l2_reg * img")),
    _wrong("The gradient is that of the log-probability. It should be that of the score.", _SCORE,
           ("input_gradients(img, y, model,", "input_gradients(img, y, model, lambda scores, y: scores.log_softmax(dim=1).gather(1, y[:, None])[:, 0],")),
    _wrong("The score holds the penalty as well. It should be the score alone.", "What does the docstring say about the score?",
           (f"{_STEP}, score", f"{_STEP}, score - l2_reg * img.square().sum(dim=(1, 2, 3))")),
    _wrong("The score is that of the new pictures. It should be that before the step.", "What does the docstring say about the score?",
           (f"return {_STEP}, score", f"img = {_STEP}\n    return img, input_gradients(img, y, model)[1]")),
)  # fmt: skip

_LAYER = 'x = layer(x.clone() if copies or getattr(layer, "inplace", False) else x)'
EXTRACT_FEATURES = (
    _wrong("A layer that works in place has written into the features kept before it.", "What does nn.ReLU(inplace=True) do to what it gets?",
           (_LAYER, "x = layer(x)"), ("versions == [feature._version for feature in features]", "True")),
    _wrong("The picture itself was kept as well, so each layer is one place late.", "What belongs at index 0?",
           ("return features or", "features = features and [x, *features]\n        return features or")),
    _wrong("The picture was kept, and the last layer's output was not.", "What belongs at index 0?",
           ("return features or", "features = features and [x, *features[:-1]]\n        return features or")),
    _wrong("Every layer was given the picture, not the output of the layer before it.", "What does a layer read?",
           (_LAYER, "x = layer(first.clone())"), ("features, versions, x = [], [], x.clone()", "features, versions, first = [], [], x")),
    _wrong("last=0 was taken for no last at all.", "What is the truth of 0 in Python?", ("if last is None else last", "if not last else last")),
    _wrong("last is not used: all layers were computed.", "Which argument have you not used?",
           ("last = len(layers) - 1 if last is None else last", "last = len(layers) - 1")),
    _wrong("The layer `last` itself is missing.", "What does Python make of layers[:last]?",
           ("features = _outputs(x, layers[: last + 1], copies=False)", "features = _outputs(x, layers[: last + 1], copies=False)[:last]"),
           ("return features or", "return features if True else")),
    _wrong("Where last is given, the layer `last` itself is missing: it counts too.", "What does Python make of layers[:last]?",
           ("features = _outputs(x, layers[: last + 1], copies=False)", "features = _outputs(x, layers[: last + (last == len(layers) - 1)], copies=False)"),
           ("return features or", "return features if True else")),
    _wrong("The features are in reverse order.", "What belongs at index 0?",
           ("return features or", "features = features and features[::-1]\n        return features or")),
    _wrong("Only the convolutions' outputs were kept.", "What does the docstring say about index i?",
           ("return features or", "features = [f for f, layer in zip(features, layers) if isinstance(layer, nn.Conv2d)]\n        return features or")),
)  # fmt: skip

_DIFFERENCE = "(content_current - content_original).square().sum()"
CONTENT_LOSS = (
    _wrong("The squared differences were averaged. They must be added.", "Sum or mean?", (".square().sum()", ".square().mean()")),
    _wrong("The weight is missing.", "Which argument have you not used?", ("content_weight * ", "")),
    _wrong("The weight was squared too.", "What is squared?", (f"content_weight * {_DIFFERENCE}", f"(content_weight * {_DIFFERENCE.replace('.square().sum()', '')}).square().sum()")),
    _wrong("The differences were not squared: their absolute values were added.", "What is done to each difference?", (".square().sum()", ".abs().sum()")),
    _wrong("The differences were added first and then squared.", "Squared and then added, or the other way round?", (".square().sum()", ".sum().square()")),
    _wrong("The square root of the sum was taken.", "Is it a distance, or its square?", (".square().sum()", ".norm()")),
    _wrong("There is a factor of 1/2, as in the paper. The assignment has none.", "Which factor does the docstring state?",
           ("content_weight * ", "0.5 * content_weight * ")),
    _wrong("The differences were not added up.", "How many numbers is a loss?", (".square().sum()", ".square()")),
)  # fmt: skip

_PLACES = "features.permute(0, 2, 3, 1).reshape(N, H * W, C)"
GRAM_MATRIX = (
    _wrong("The matrix is never normalised.", "Which argument have you not used?", ("gram / (C * H * W) if normalize else gram", "gram")),
    _wrong("The matrix is always normalised.", "Which argument have you not used?", ("gram / (C * H * W) if normalize else gram", "gram / (C * H * W)")),
    _wrong("The matrix was divided by H W only. It should be H W C.", "What is the number of neurons?", ("(C * H * W)", "(H * W)")),
    _wrong("The matrix was divided by the number of pictures as well.", "What is the number of neurons of one picture?", ("(C * H * W)", "(N * C * H * W)")),
    _wrong("The matrix was divided by 2 N H W C.", "What is the number of neurons of one picture?", ("(C * H * W)", "(2 * N * C * H * W)")),
    _wrong("view or reshape to (N, H W, C) does not move the channels: it mixes channels and places.",
           "In which order do the numbers lie in memory?", (_PLACES, "features.reshape(N, H * W, C)")),
    _wrong("Places were multiplied with places: the result is (N, H W, H W).", "What shape should the result have?",
           ("GramProduct.apply(places)", "places @ places.mT")),
    _wrong("All pictures were put into one matrix, (N C, N C).", "What shape should the result have?",
           ("GramProduct.apply(places)", "features.reshape(N * C, H * W) @ features.reshape(N * C, H * W).T")),
    _wrong("The pictures were added up.", "What shape should the result have?", ("GramProduct.apply(places)", "GramProduct.apply(places).sum(dim=0)")),
    _wrong("The mean of each channel was subtracted first: this is a covariance.", "What does the formula multiply?",
           (_PLACES, f"{_PLACES}\n    places = places - places.mean(dim=1, keepdim=True)")),
    _wrong("The axis of the pictures is missing.", "What shape should the result have?", ("GramProduct.apply(places)", "GramProduct.apply(places)[0]")),
)  # fmt: skip

_SUM = "(gram_matrix(feats[i]) - A).square().sum()"
STYLE_LOSS = (
    _wrong("The squared differences were averaged. They must be added.", "Sum or mean?", (".square().sum()", ".square().mean()")),
    _wrong("The features were taken in their order, not those of the style layers.", "What does style_layers hold?",
           ("for i, A, weight in zip(style_layers, style_targets, style_weights)", "for i, (A, weight) in enumerate(zip(style_targets, style_weights))")),
    _wrong("The weights are missing.", "Which argument have you not used?", ("loss + weight * ", "loss + ")),
    _wrong("The weight was squared too.", "What is squared?", (f"weight * {_SUM}", f"weight * weight * {_SUM}")),
    _wrong("Only the last style layer counts.", "How do the losses of the layers join?", ("loss = loss + weight", "loss = weight")),
    _wrong("Only the first style layer counts: the function returns too early.", "How far is the return indented?", ("    return loss", "        return loss")),
    _wrong("The Gram matrices are not normalised.", "How were the targets made?", ("gram_matrix(feats[i])", "gram_matrix(feats[i], normalize=False)")),
    _wrong("The losses of the layers were averaged. They must be added.", "How do the losses of the layers join?",
           ("    return loss", "    return loss / len(style_layers)")),
    _wrong("There is a factor of 1/4, as in the paper. The assignment has none.", "Which factor does the docstring state?", ("loss + weight * ", "loss + weight / 4 * ")),
    _wrong("The differences were not squared: their absolute values were added.", "What is done to each difference?", (".square().sum()", ".abs().sum()")),
    _wrong("The square root of each sum was taken.", "Is it a distance, or its square?", (".square().sum()", ".norm()")),
)  # fmt: skip

_TV = "tv_weight * (down.square().sum() + right.square().sum())"
TV_LOSS = (
    _wrong("The differences to the right are missing.", "How many neighbours has a pixel?", (_TV, "tv_weight * down.square().sum()")),
    _wrong("The differences downwards are missing.", "How many neighbours has a pixel?", (_TV, "tv_weight * right.square().sum()")),
    _wrong("The weight is missing.", "Which argument have you not used?", ("tv_weight * ", "")),
    _wrong("The differences were not squared: their absolute values were added.", "What is done to each difference?",
           (_TV, "tv_weight * (down.abs().sum() + right.abs().sum())")),
    _wrong("The squared differences were averaged. They must be added.", "Sum or mean?",
           (_TV, "tv_weight * (down.square().mean() + right.square().mean())")),
    _wrong("The picture wraps round: the last row was compared with the first, and so was the last column.", "How many differences has a column of H pixels?",
           ("img.diff(dim=2), img.diff(dim=3)", "img - img.roll(1, dims=2), img - img.roll(1, dims=3)")),
    _wrong("The axes are off by one: colours and rows were compared.", "Which axes of (N, 3, H, W) are rows and columns?",
           ("img.diff(dim=2), img.diff(dim=3)", "img.diff(dim=1), img.diff(dim=2)")),
    _wrong("Pixels two apart were compared.", "Which pixels are neighbours?",
           ("img.diff(dim=2), img.diff(dim=3)", "img[:, :, 2:] - img[:, :, :-2], img[..., 2:] - img[..., :-2]")),
    _wrong("The last row or column is left out, so that both differences have one shape.", "How many differences has a column of H pixels, and how many columns are there?",
           ("img.diff(dim=2), img.diff(dim=3)", "img.diff(dim=2)[..., :-1], img.diff(dim=3)[:, :, :-1]")),
    _wrong("The square root of the sum was taken.", "Is it a distance, or its square?", (_TV, "tv_weight * (down.square().sum() + right.square().sum()).sqrt()")),
    _wrong("The weight counts for the differences downwards only: a product goes before a sum.", "What does Python make of w * a + b?",
           (_TV, "tv_weight * down.square().sum() + right.square().sum()")),
    _wrong("The weight counts for the differences to the right only: a product goes before a sum.", "What does Python make of w * a + b?",
           (_TV, "tv_weight * right.square().sum() + down.square().sum()")),
    _wrong("The two differences were added before they were squared.", "Squared and then added, or the other way round?",
           (_TV, "tv_weight * (down[..., :-1] + right[:, :, :-1]).square().sum()")),
    _wrong("Every pair was counted twice.", "How often does each pair of neighbours occur?", (_TV, f"2 * {_TV}")),
)  # fmt: skip
