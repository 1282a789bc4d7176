// Draw a digit and see what a Forward-Forward net makes of it. No library, no server: the net comes from
// net.js (written by `python -m ff_utils export`), and the page puts this beside an element #draw.
"use strict";
(() => {
  const SIDE = 28; // Pixels of an image.
  const PAD = 280; // Units of the drawing pad, whatever its size on the screen.
  const BOX = 20; // MNIST fits a digit into a square of this many pixels.
  const PEN = 2.5; // Width of a stroke, in pixels of the image.
  const FINE = 4; // An image is drawn this many times larger and then averaged.
  const LARGEST_SCALE = 0.3; // Pixels of the image for one unit of the pad: a dot stays a dot.
  const TINY = 1e-12; // Keeps the scale of an all-zero row finite, as in ff_utils/network.py.

  // -- the net --------------------------------------------------------------------------------------

  const KINDS = { int8: Int8Array, uint8: Uint8Array, float32: Float32Array };

  function unpack({ dtype, data }) {
    const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
    return new KINDS[dtype](bytes.buffer);
  }

  // The float32 weights [inputs, units], row by row.
  function dequantize({ values, scale }) {
    const [whole, step] = [unpack(values), unpack(scale)];
    return Float32Array.from(whole, (value, i) => value * step[i % step.length]);
  }

  // out += factor · input · rows of weight; what is zero costs nothing. `first`: the row of input[0].
  function addProduct(out, input, weight, factor = 1, first = 0) {
    const units = out.length;
    for (let i = 0; i < input.length; i++) {
      const value = input[i] * factor;
      if (value === 0) continue;
      const row = (first + i) * units;
      for (let j = 0; j < units; j++) out[j] += value * weight[row + j];
    }
    return out;
  }

  const sumOfSquares = (values) => values.reduce((sum, value) => sum + value * value, 0);
  const total = (values) => values.reduce((sum, value) => sum + value, 0);
  const best = (values) => values.indexOf(Math.max(...values));

  class Net {
    constructor({ config, classes, layers, head }) {
      this.config = config;
      this.classes = classes;
      this.layers = layers.map(({ weight, bias }) => ({ weight: dequantize(weight), bias: unpack(bias) }));
      this.theta = layers.map((_, i) => (Array.isArray(config.theta) ? config.theta[i] : config.theta));
      this.head = head && { weights: head.weights.map(dequantize), bias: unpack(head.bias) };
      const one = (c) => Float32Array.from({ length: classes }, (_, i) => Number(i === c));
      this.codes = Array.from({ length: classes }, (_, c) => one(c));
      this.neutral = new Float32Array(classes).fill(1 / classes);
    }

    // The factor that normalises a vector of `size` values whose squares sum to `squares`.
    scale(how, squares, size) {
      if (how === "none") return 1;
      return 1 / Math.sqrt(Math.max(how === "rms" ? squares / size : squares, TINY));
    }

    // Activities and goodness of every layer under one label. `shared`: the pixels' part of the first product.
    pass(shared, squares, code, inputs) {
      const activities = [];
      const goodness = [];
      let scale = this.scale(this.config.input_normalization, squares + sumOfSquares(code), inputs);
      for (const [i, { weight, bias }] of this.layers.entries()) {
        const y = new Float32Array(bias.length);
        if (i === 0) {
          addProduct(y, code, weight);
          y.forEach((value, j) => (y[j] = (value + shared[j]) * scale));
        } else {
          addProduct(y, activities[i - 1], weight, scale);
        }
        y.forEach((value, j) => (y[j] = Math.max(value + bias[j], 0)));
        activities.push(y);
        goodness.push(sumOfSquares(y));
        scale = this.scale(this.config.normalization, goodness[i], y.length);
      }
      return { activities, goodness };
    }

    // Of an image (784 bytes): `goodness` [layers][labels], `scores` S(c) [labels], and `probabilities` [labels]
    // of the softmax head, null where the net has none.
    read(image) {
      const pixels = Float32Array.from(image.subarray(this.classes), (value) => value / 255);
      const squares = sumOfSquares(pixels);
      const { weight, bias } = this.layers[0];
      const shared = addProduct(new Float32Array(bias.length), pixels, weight, 1, this.classes);
      const from = this.config.goodness_from - 1;
      const byLabel = this.codes.map((code) => this.pass(shared, squares, code, image.length).goodness);
      const goodness = this.layers.map((_, layer) => byLabel.map((layers) => layers[layer]));
      const scores = byLabel.map((layers) => total(layers.slice(from)));
      let probabilities = null;
      if (this.head) {
        const { activities, goodness: g } = this.pass(shared, squares, this.neutral, image.length);
        const logits = Float32Array.from(this.head.bias);
        this.head.weights.forEach((weight, k) => {
          const y = activities[from + k];
          addProduct(logits, y, weight, this.scale("rms", g[from + k], y.length));
        });
        const powers = Array.from(logits, (value) => Math.exp(value - Math.max(...logits)));
        probabilities = powers.map((power) => power / total(powers));
      }
      return { goodness, scores, probabilities };
    }
  }

  // -- from strokes to an image, as MNIST was made --------------------------------------------------------

  function trace(context, strokes) {
    context.lineCap = context.lineJoin = "round";
    context.strokeStyle = "white";
    for (const stroke of strokes) {
      context.beginPath();
      context.moveTo(...stroke[0]);
      context.lineTo(stroke[0][0] + 0.01, stroke[0][1]); // Of a line without length nothing would be seen.
      for (const point of stroke) context.lineTo(...point);
      context.stroke();
    }
  }

  const fine = document.createElement("canvas");
  fine.width = fine.height = SIDE * FINE;
  const fineContext = fine.getContext("2d", { willReadFrequently: true });

  // Fit the strokes into the 20 × 20 box, put their centre of mass into the middle: 784 bytes.
  function toImage(strokes) {
    const points = strokes.flat();
    const range = (axis) => {
      const values = points.map((point) => point[axis]);
      return [Math.min(...values), Math.max(...values)];
    };
    const [[left, right], [top, bottom]] = [range(0), range(1)];
    const scale = Math.min((BOX - PEN) / Math.max(right - left, bottom - top), LARGEST_SCALE);

    // The bytes, every fourth an opacity, where the point `middle` of the pad lies in the middle of the image.
    const drawn = (middle) => {
      fineContext.resetTransform();
      fineContext.clearRect(0, 0, fine.width, fine.height);
      fineContext.setTransform(scale * FINE, 0, 0, scale * FINE, fine.width / 2, fine.height / 2);
      fineContext.translate(-middle[0], -middle[1]);
      fineContext.lineWidth = PEN / scale;
      trace(fineContext, strokes);
      return fineContext.getImageData(0, 0, fine.width, fine.height).data;
    };

    const middle = [(left + right) / 2, (top + bottom) / 2];
    const width = fine.width;
    let [mass, massX, massY] = [0, 0, 0];
    const rough = drawn(middle);
    for (let i = 0; i < width * width; i++) {
      const opacity = rough[4 * i + 3];
      mass += opacity;
      massX += opacity * ((i % width) + 0.5);
      massY += opacity * (Math.floor(i / width) + 0.5);
    }
    const centre = middle.map((value, axis) => value + ([massX, massY][axis] / mass - width / 2) / (scale * FINE));

    const sums = new Float32Array(SIDE * SIDE);
    const centred = drawn(centre);
    for (let i = 0; i < width * width; i++) {
      const row = Math.floor(i / width / FINE);
      sums[row * SIDE + Math.floor((i % width) / FINE)] += centred[4 * i + 3];
    }
    return Uint8Array.from(sums, (sum) => Math.round(sum / FINE ** 2));
  }

  // -- the page -------------------------------------------------------------------------------------------

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value !== null) made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  }

  // Paint an image [784] onto a canvas of 28 × 28; `code`: the label pixels to write into it, or null.
  function paint(canvas, image, code = null) {
    const data = new ImageData(SIDE, SIDE);
    for (let i = 0; i < SIDE * SIDE; i++) {
      const value = code && i < code.length ? code[i] * 255 : image ? image[i] : 0;
      data.data.set([value, value, value, 255], 4 * i);
    }
    canvas.getContext("2d").putImageData(data, 0, 0);
  }

  const whole = (value) => Math.round(value).toString().replace("-", "−");
  const signed = (value) => (value > 0 ? "+" : "") + whole(value);

  class Page {
    constructor(root, content) {
      this.net = new Net(content);
      this.strokes = [];
      this.example = null; // The image of the example that is shown, or null.
      this.written = null; // The label shown in the image: a class, "neutral", or null.
      this.cursor = [PAD / 2, PAD / 4];
      this.penDown = false; // Whether the arrow keys draw.
      root.replaceChildren(this.makeInput(content.examples), this.makeOutput());
      this.fillIn(content);
      this.pick(content.examples[Math.min(7, content.examples.length - 1)]);
    }

    // ---- what the reader gives

    makeInput(examples) {
      this.pad = element("canvas", {
        width: 2 * PAD, height: 2 * PAD, class: "draw-pad", tabindex: 0, role: "application",
        "aria-label": "Drawing pad", "aria-describedby": "draw-hint",
        onpointerdown: (event) => this.startStroke(event),
        onpointermove: (event) => this.goOn(event),
        onpointerup: () => this.endStroke(),
        onpointercancel: () => this.endStroke(),
        onkeydown: (event) => this.key(event),
        onfocus: () => this.drawPad(),
        onblur: () => this.liftPen(),
      });
      this.hint = element("p", { id: "draw-hint", class: "draw-hint" });
      this.seen = element("canvas", { width: SIDE, height: SIDE, class: "draw-seen", role: "img" });
      this.seenCaption = element("p", { class: "draw-hint" });
      const button = (text, action) => element("button", { type: "button", class: "draw-button", onclick: action }, text);
      this.undoButton = button("Undo", () => this.undo());
      this.clearButton = button("Clear", () => this.clear());
      this.exampleButtons = new Map();
      const row = (kind, text) => {
        const buttons = examples.filter((example) => example.kind === kind).map((example) => {
          const canvas = element("canvas", { width: SIDE, height: SIDE });
          paint(canvas, unpack(example.image));
          const made = element(
            "button",
            {
              type: "button", class: "draw-example", "aria-pressed": "false",
              "aria-label": `Example: a ${example.label}, ${kind === "first" ? "as it comes" : "hard"}`,
              onclick: () => this.pick(example),
            },
            canvas,
          );
          this.exampleButtons.set(example, made);
          return made;
        });
        return element("div", { role: "group", "aria-label": text }, element("span", { class: "draw-kind" }, text), ...buttons);
      };
      return element(
        "div", { class: "draw-input" },
        element("div", { class: "draw-place" }, element("h2", {}, "Draw a digit"), this.pad,
          element("div", { class: "draw-buttons" }, this.undoButton, this.clearButton), this.hint),
        element("div", { class: "draw-place" }, element("h2", {}, "What the net sees"), this.seen, this.seenCaption),
        element("div", { class: "draw-examples" }, element("h2", {}, "Or pick one"),
          row("first", "as they come"), row("hardest", "hard ones")),
      );
    }

    position(event) {
      const { left, top, width, height } = this.pad.getBoundingClientRect();
      return [((event.clientX - left) / width) * PAD, ((event.clientY - top) / height) * PAD];
    }

    startStroke(event) {
      if (event.button !== 0) return;
      event.preventDefault(); // No selection of text; the focus is set by hand.
      this.pad.focus({ preventScroll: true, focusVisible: false });
      this.liftPen();
      this.pad.setPointerCapture(event.pointerId);
      this.stroke = this.newStroke(this.position(event));
      this.changed();
    }

    goOn(event) {
      if (!this.stroke) return;
      for (const part of event.getCoalescedEvents?.() ?? [event]) this.stroke.push(this.position(part));
      this.changed();
    }

    endStroke() {
      if (!this.stroke) return;
      this.stroke = null;
      this.changed(true);
    }

    // A stroke that begins at `point`; the example, if one is shown, makes room for it.
    newStroke(point) {
      this.example = null;
      const stroke = [point];
      this.strokes.push(stroke);
      return stroke;
    }

    key(event) {
      const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key in moves) {
        const step = event.shiftKey ? 4 : 14;
        this.cursor = this.cursor.map((value, axis) => Math.min(PAD, Math.max(0, value + step * moves[event.key][axis])));
        if (this.penDown) this.strokes.at(-1).push(this.cursor);
      } else if (event.key === " ") {
        if (this.penDown) this.liftPen();
        else {
          this.penDown = true;
          this.newStroke(this.cursor);
        }
      } else if (event.key === "Backspace") this.undo();
      else if (event.key === "Delete") this.clear();
      else return;
      event.preventDefault();
      this.changed(!this.penDown && event.key === " ");
    }

    liftPen() {
      this.penDown = false;
      this.drawPad();
    }

    undo() {
      this.liftPen();
      this.strokes.pop();
      this.changed(true);
    }

    clear() {
      this.liftPen();
      this.strokes = [];
      this.example = null;
      this.changed(true);
    }

    pick(example) {
      this.strokes = [];
      this.example = { ...example, pixels: unpack(example.image), button: this.exampleButtons.get(example) };
      this.changed(true);
    }

    write(label) {
      this.written = this.written === label ? null : label;
      this.changed(true);
    }

    // ---- what the net says

    makeOutput() {
      const { classes, layers, head, config, theta } = this.net;
      const labels = Array.from({ length: classes }, (_, c) => c);
      const toggle = (label, text, name) =>
        element("button", {
          type: "button", class: "draw-label", "aria-pressed": "false", "aria-label": name, onclick: () => this.write(label),
        }, text);
      this.toggles = new Map(labels.map((c) => [c, toggle(c, c, `write label ${c}`)]));
      const cells = (className) => labels.map(() => element("td", { class: className }));
      const rowOf = (name, made, extra = "") =>
        element("tr", {}, element("th", { scope: "row" }, name, extra), ...made);

      this.scoreCells = cells("draw-bar");
      this.heatCells = layers.map(() => cells("draw-heat"));
      const rows = [
        rowOf("S(c)", this.scoreCells),
        ...this.heatCells.map((made, i) =>
          rowOf(`layer ${i + 1}`, made, i + 1 < config.goodness_from ? element("small", {}, "not in S") : "")),
      ];
      if (head) {
        this.toggles.set("neutral", toggle("neutral", "neutral label", "write the neutral label"));
        this.oneCells = cells("draw-bar draw-one");
        rows.push(rowOf("one pass", this.oneCells, this.toggles.get("neutral")));
      }
      this.threshold = total(theta.slice(config.goodness_from - 1));
      const headings = labels.map((c) => element("th", { scope: "col" }, this.toggles.get(c)));
      this.verdict = element("p", { class: "draw-verdict" });
      this.detail = element("p", { class: "draw-detail" });
      this.spoken = element("p", { class: "draw-unseen", "aria-live": "polite" });
      return element(
        "div", { class: "draw-output" }, this.verdict, this.spoken,
        element("table", { class: "draw-table" },
          element("caption", { class: "draw-unseen" },
            "For each label: the score S(c), the goodness of each layer less its mean over the labels, and the probability from one pass"),
          element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "label c"), ...headings)),
          element("tbody", {}, ...rows)),
        this.detail,
      );
    }

    // Show the new state once, with the next picture on the screen; `done`: say it aloud as well.
    changed(done = false) {
      this.toSay ||= done;
      this.pending ||= requestAnimationFrame(() => {
        this.pending = 0;
        this.show();
      });
    }

    show() {
      const image = this.example?.pixels ?? (this.strokes.length ? toImage(this.strokes) : null);
      const code = this.written === "neutral" ? this.net.neutral : (this.net.codes[this.written] ?? null);
      this.drawPad();
      paint(this.seen, image, code);
      this.seen.setAttribute("aria-label", image ? "The image as the net sees it, 28 by 28 pixels" : "An empty image");
      this.seenCaption.textContent =
        this.written === null
          ? "28 × 28 pixels. Choose a label below to see it written into the first ten."
          : `28 × 28 pixels; in the first ten ${this.written === "neutral" ? "the neutral label" : `label ${this.written}`}.`;
      this.seen.classList.toggle("draw-labelled", this.written !== null);
      for (const [label, button] of this.toggles) button.setAttribute("aria-pressed", label === this.written);
      for (const button of this.exampleButtons.values()) button.setAttribute("aria-pressed", button === this.example?.button);
      this.undoButton.disabled = !this.strokes.length;
      this.clearButton.disabled = !image;
      this.showResult(image && this.net.read(image));
      if (this.toSay) this.spoken.textContent = `${this.verdict.textContent} ${this.detail.textContent}`;
      this.toSay = false;
    }

    showResult(result) {
      const { scores, goodness, probabilities } = result ?? {};
      this.showBars(this.scoreCells, scores?.map((score) => score - this.threshold), scores, whole);
      this.heatCells.forEach((cells, layer) => this.showHeat(cells, goodness, layer));
      if (this.oneCells) {
        const percent = (value) => (value < 0.005 ? "" : `${whole(100 * value)}\u00a0%`);
        this.showBars(this.oneCells, probabilities, probabilities, percent, 1);
      }
      this.verdict.replaceChildren(...this.verdictOf(result));
      this.detail.textContent = this.detailOf(result);
    }

    // Bars of `lengths` from their zero line, with `values` as text; `reach`: the length of a full bar.
    showBars(cells, lengths, values, text, reach = 0) {
      const high = Math.max(reach, ...(lengths ?? [1]));
      const low = Math.min(0, ...(lengths ?? [0]));
      const share = (value) => `${(100 * value) / (Math.max(high, 0) - low)}%`;
      cells.forEach((cell, c) => {
        cell.replaceChildren();
        cell.classList.toggle("draw-best", values !== undefined && c === best(values));
        if (!lengths) return;
        const length = lengths[c];
        const bar = element("span", { class: length < 0 ? "draw-below" : "draw-above" });
        bar.style.top = share(Math.max(high, 0) - Math.max(length, 0));
        bar.style.height = share(Math.abs(length));
        const zero = element("span", { class: "draw-zero" });
        zero.style.top = share(Math.max(high, 0));
        cell.append(element("span", { class: "draw-track", "aria-hidden": "true" }, bar, zero));
        cell.append(element("data", { value: values[c] }, text(values[c])));
      });
    }

    // One layer's goodness less its mean; one scale of colours for all layers.
    showHeat(cells, goodness, layer) {
      const centred = goodness?.map((row) => row.map((value) => value - total(row) / row.length));
      const reach = Math.max(TINY, ...(centred ?? []).flat().map(Math.abs));
      cells.forEach((cell, c) => {
        cell.replaceChildren();
        cell.classList.toggle("draw-best", goodness !== undefined && c === best(goodness[layer]));
        const value = centred?.[layer][c] ?? 0;
        cell.style.setProperty("--strength", `${Math.abs(value / reach)}`);
        cell.style.setProperty("--hue", value < 0 ? "var(--draw-negative)" : "var(--draw-positive)");
        if (goodness) cell.append(element("data", { value: goodness[layer][c] }, signed(value)));
      });
    }

    verdictOf(result) {
      if (!result) return ["Draw a digit, or pick one."];
      const { scores, goodness, probabilities } = result;
      const label = best(scores);
      const second = best(scores.map((score, c) => (c === label ? -Infinity : score)));
      const parts = [
        "Label search says ", element("strong", { class: "draw-answer" }, String(label)),
        `, by ${whole(scores[label] - scores[second])} ahead of ${second}. `,
      ];
      if (probabilities) {
        const one = best(probabilities);
        parts.push(`One pass says ${one} (${whole(100 * probabilities[one])} %). `);
      }
      const others = goodness.map((row, i) => [i + 1, best(row)]).filter(([, own]) => own !== label);
      parts.push(...others.map(([layer, own]) => `Layer ${layer} alone would say ${own}. `));
      if (!others.length) parts.push("Every layer alone agrees. ");
      if (this.example) parts.push(`Its label in the data is ${this.example.label}.`);
      return parts;
    }

    detailOf(result) {
      if (!result || this.written === null) return "";
      if (this.written === "neutral") return "The neutral label is for the one pass; it is nobody's guess.";
      const { theta, config } = this.net;
      const parts = result.goodness.map((row, i) => {
        const [g, p] = [row[this.written], 1 / (1 + Math.exp(-(row[this.written] - theta[i]) / config.temperature))];
        return `layer ${i + 1}: g = ${whole(g)}, θ = ${whole(theta[i])}, p(positive) = ${p.toFixed(2)}`;
      });
      return `With label ${this.written} — ${parts.join("; ")}.`;
    }

    drawPad() {
      const context = this.pad.getContext("2d");
      context.resetTransform();
      context.fillStyle = "black";
      context.fillRect(0, 0, this.pad.width, this.pad.height);
      if (this.example) {
        context.imageSmoothingEnabled = false;
        context.drawImage(this.example.button.firstChild, 0, 0, this.pad.width, this.pad.height);
      }
      context.scale(2, 2);
      context.lineWidth = 20;
      trace(context, this.strokes);
      if (this.pad.matches(":focus-visible")) {
        context.beginPath();
        context.arc(...this.cursor, 10, 0, 2 * Math.PI);
        context.lineWidth = 3;
        context.strokeStyle = this.penDown ? "#de8f05" : "#56b4e9";
        context.stroke();
      }
      this.hint.textContent = this.penDown
        ? "The pen is down: the arrow keys draw, the space bar lifts it."
        : "Mouse, finger, or keys: arrows move, space bar puts the pen down, Backspace undoes, Delete clears.";
    }

    // The numbers in the text around: every element with data-net="…".
    fillIn({ config, parameters, test_images, epochs, run, run_errors, file_errors }) {
      const percent = (value) => `${value.toFixed(2)}\u00a0%`;
      const texts = {
        layers: config.hidden.length, hidden: config.hidden.join(", "), parameters: parameters.toLocaleString("en"),
        epochs, jitter: config.jitter, run, images: test_images.toLocaleString("en"), theta: this.net.theta.join(", "),
        threshold: this.threshold, from: config.goodness_from,
        "run-error": percent(run_errors.label_search), error: percent(file_errors.label_search),
        "one-pass-error": file_errors.one_pass === undefined ? "–" : percent(file_errors.one_pass),
      };
      for (const place of document.querySelectorAll("[data-net]")) place.textContent = texts[place.dataset.net];
    }
  }

  const root = document.getElementById("draw");
  const content = globalThis.forwardForwardNet;
  if (content) new Page(root, content);
  else root.textContent = "The net could not be loaded: the file net.js is missing beside this page's script.";
})();
