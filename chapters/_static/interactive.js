/* Figures to work with. A picture of equal tiles (cs231n_lib/panels.py) is followed by a hidden list,
   <ol class="panels"> (website/panels.py), with a label for each tile and the places of the tiles.
   From these two this script builds sliders and buttons, and hides the picture on screens. In print,
   and without scripts, the picture stands as it is. */
"use strict";
(() => {
  const make = (tag, properties = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties))
      if (name in element) element[name] = value;
      else element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  let number = 0;

  /* What the list says, and tiles cut from the picture. */
  function read(list, image) {
    const data = JSON.parse(list.dataset.panels);
    const { columns } = data;
    const [width, height] = data.picture;
    const [cellWidth, cellHeight] = data.cell;
    const [left, top, w, h] = data.tile;
    const labels = [...list.children].map((item) => item.textContent);
    const tiles = [];
    const show = (tile, k) => {
      const x = left + (k % columns) * cellWidth;
      const y = top + Math.floor(k / columns) * cellHeight;
      const [across, down] = [x / (width - w), y / (height - h)].map((share) => 100 * share);
      tile.style.backgroundPosition = `${across}% ${down}%`;
      return tile;
    };
    const cut = (k, name = "") => {
      const tile = make("div", { className: `panels-tile ${name}` });
      tile.style.aspectRatio = `${w} / ${h}`;
      tile.style.backgroundSize = `${(100 * width) / w}% ${(100 * height) / h}%`;
      tiles.push(tile);
      return show(tile, k);
    };
    /* Tiles show nothing, on a grey ground, until the picture is there. */
    const fill = () => {
      for (const tile of tiles) tile.style.backgroundImage = `url("${image.currentSrc || image.src}")`;
    };
    return { labels, cut, show, fill, alt: image.alt.trim(), data };
  }

  function slider(name, properties, listen) {
    const id = `panels-${++number}`;
    const input = make("input", { type: "range", id, ...properties });
    input.addEventListener("input", () => listen(Number(input.value)));
    return [make("label", { htmlFor: id }, name), input];
  }

  /* Say it once: the same words again are not announced. */
  const say = (output, text) => {
    if (output.textContent !== text) output.textContent = text;
  };

  /* A finger or the mouse on the picture moves its slider. */
  function drag(stage, input) {
    const move = (event) => {
      const box = stage.getBoundingClientRect();
      const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
      input.value = Number(input.min) + share * (input.max - input.min);
      input.dispatchEvent(new Event("input"));
    };
    stage.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      event.preventDefault();
      stage.setPointerCapture(event.pointerId);
      move(event);
    });
    stage.addEventListener("pointermove", (event) => {
      if (stage.hasPointerCapture(event.pointerId)) move(event);
    });
  }

  /* A button for each word; the tile of the word shows. */
  function wordByWord({ labels, cut, show, alt }, tell) {
    const words = labels.slice(1);
    const tile = cut(1);
    const stage = make("div", { className: "panels-stage", role: "img", "aria-label": alt }, tile);
    const output = make("output");
    const buttons = words.map((word) => make("button", { type: "button", tabIndex: -1 }, word));
    const choose = (k) => {
      buttons.forEach((button, i) => {
        button.tabIndex = i === k ? 0 : -1;
        button.setAttribute("aria-pressed", String(i === k));
      });
      show(tile, k + 1);
      say(output, tell(words, k));
    };
    const bar = make("div", { className: "panels-bar", role: "toolbar",
      "aria-label": "Words of the caption" }, ...buttons);
    buttons.forEach((button, k) => {
      for (const event of ["pointerenter", "focus", "click"])
        button.addEventListener(event, () => choose(k));
    });
    bar.addEventListener("keydown", (event) => {
      const from = buttons.indexOf(document.activeElement);
      const to = { ArrowLeft: from - 1, ArrowRight: from + 1, ArrowUp: from - 1,
        ArrowDown: from + 1, Home: 0, End: buttons.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      buttons[Math.min(buttons.length - 1, Math.max(0, to))].focus();
    });
    choose(Math.min(2, words.length - 1));
    return { scene: make("div", { className: "panels-scene" }, cut(0)), bar, stage, output };
  }

  const builders = {
    /* A line between the first picture and the last. */
    compare({ labels, cut, alt, data }) {
      const [before, third, after] = labels;
      const { magnified } = data;
      const line = make("div", { className: "panels-line" });
      const right = make("div", { className: "panels-right" }, cut(2));
      const names = [before, after].map((label) => make("span", { className: "panels-name" }, label));
      const stage = make("div", { className: "panels-stage", role: "img", "aria-label": alt },
        cut(0), right, line, ...names);
      const output = make("output");
      let [share, times] = [50, 1];
      const update = () => {
        stage.style.setProperty("--line", `${share}%`);
        names[0].hidden = share < 15;
        names[1].hidden = share > 85;
        moving.setAttribute("aria-valuetext", `${share} % ${before}`);
        const change = times > 1 ? `, change × ${times}` : "";
        if (share >= 100) say(output, `${before}.`);
        else if (share <= 0) say(output, `${after}${change}.`);
        else say(output, `Left: ${before}. Right: ${after}${change}.`);
      };
      const [label, moving] = slider("Move the line", { min: 0, max: 100, value: share },
        (value) => { share = Math.round(value); update(); });
      drag(stage, moving);
      const controls = [label, moving];
      let aside = "";
      if (magnified) {
        /* before + times * change. The tile holds 1/2 + magnified * change. At half opacity over the
           photograph, and with twice the contrast, the sum is exact. */
        const change = cut(1, "panels-change");
        const sum = make("div", { className: "panels-sum", hidden: true }, cut(0), change);
        right.append(sum);
        const [name, magnifying] = slider("Magnify the change", { min: 1, max: 40, value: 1 },
          (value) => {
            times = value;
            change.style.filter = `contrast(${times / magnified})`;
            sum.hidden = times === 1;
            magnifying.setAttribute("aria-valuetext", `${times} times`);
            update();
          });
        magnifying.setAttribute("aria-valuetext", "1 times");
        controls.push(name, magnifying);
      } else {
        aside = make("div", { className: "panels-aside", "aria-hidden": "true" },
          cut(1), make("div", {}, third));
      }
      update();
      return [make("div", { className: "panels-beside" }, stage, aside),
        make("div", { className: "panels-controls" }, ...controls), output];
    },

    /* A slider through the tiles, and a button that plays them. */
    steps({ labels, cut, show, alt, data }) {
      const { together } = data;
      const steps = labels.length / together;
      const tiles = Array.from({ length: together }, (_, k) => cut(k * steps));
      const stage = make("div", { className: "panels-stage panels-together", role: "img",
        "aria-label": alt }, ...tiles);
      stage.style.setProperty("--together", together);
      const output = make("output");
      let timer = 0;
      const stop = () => {
        clearInterval(timer);
        timer = 0;
        play.textContent = "Play";
      };
      const at = (step) => {
        tiles.forEach((tile, k) => show(tile, k * steps + step));
        input.setAttribute("aria-valuetext", labels[step]);
        say(output, labels[step]);
      };
      const [label, input] = slider("Step", { min: 0, max: steps - 1, value: 0 }, at);
      const play = make("button", { type: "button" }, "Play");
      play.addEventListener("click", () => {
        if (timer) return stop();
        if (Number(input.value) === steps - 1) at((input.value = 0));
        play.textContent = "Pause";
        timer = setInterval(() => {
          at(++input.valueAsNumber);
          if (input.valueAsNumber === steps - 1) stop();
        }, 600);
      });
      input.addEventListener("pointerdown", stop);
      input.addEventListener("keydown", stop);
      stage.addEventListener("pointerdown", stop);
      drag(stage, input);
      input.value = steps - 1;
      at(steps - 1);
      return [stage, make("div", { className: "panels-controls" }, label, input, play), output];
    },

    /* A button for each word that the network reads, and what happens in it then. */
    words(figure) {
      const { scene, bar, stage, output } = wordByWord(figure, (words, k) => {
        const next = words[k + 1] ? `It says “${words[k + 1]}”.` : "It has said all.";
        return `The network has read “${words[k]}”. ${next}`;
      });
      return [make("div", { className: "panels-reading" }, scene, bar), stage, output];
    },

    /* A button for each word that the network says, and where it looked before. */
    looks(figure) {
      const { scene, bar, stage, output } = wordByWord(figure, (words, k) =>
        `Before it said “${words[k]}”, the network looked here.`);
      return [bar, make("div", { className: "panels-pair" }, scene, stage), output];
    },
  };

  const names = {
    compare: "Compare two pictures",
    steps: "Go through the steps",
    words: "Go through the words",
    looks: "See where it looked",
  };

  const near = "IntersectionObserver" in window && new IntersectionObserver((entries) => {
    for (const entry of entries)
      if (entry.isIntersecting) {
        near.unobserve(entry.target);
        entry.target.dispatchEvent(new Event("near"));
      }
  }, { rootMargin: "600px" });

  /* Whether all items of a list are there: something follows it, or the page is complete. */
  function arrived(list) {
    for (let node = list; node; node = node.parentNode) if (node.nextSibling) return true;
    return document.readyState !== "loading";
  }

  function enhance(list) {
    const image = list.closest("figure")?.querySelector("img");
    if (!image || list.dataset.ready || !arrived(list)) return;
    list.dataset.ready = "yes";
    const figure = read(list, image);
    const { kind } = figure.data;
    const box = make("div", { className: `panels-figure panels-${kind}`, role: "group",
      "aria-label": names[kind] }, ...builders[kind](figure));
    for (const output of box.querySelectorAll("output")) output.setAttribute("aria-live", "polite");
    const still = image.closest("a") ?? image;
    still.classList.add("panels-still");
    still.before(box);
    const load = () => {
      image.loading = "eager";
      if (image.complete && image.naturalWidth) figure.fill();
      else image.addEventListener("load", figure.fill, { once: true });
    };
    box.addEventListener("near", load);
    if (near) near.observe(box);
    else load();
    addEventListener("beforeprint", load);
  }

  /* As the page arrives, so that nothing moves once it has been painted. */
  const look = () => document.querySelectorAll("ol.panels").forEach(enhance);
  const arriving = new MutationObserver(look);
  arriving.observe(document, { childList: true, subtree: true });
  document.addEventListener("DOMContentLoaded", () => {
    arriving.disconnect();
    look();
  });
})();
