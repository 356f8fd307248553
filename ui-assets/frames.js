// When the designer's frames are drawn.
//
// eframe asks for the next animation frame again and again, also while nothing is to be drawn. Each of them keeps the
// browser at work: without a graphics card some 15 % of a core, which a run on the same machine lacks. So a frame is held
// back until it is due: the designer says after each when the next one is (`rest`), and whatever a person does or the
// host says brings it at once (`wake`).

// A frame that something unforeseen has made due comes after this at the latest.
const LONGEST_MS = 250;
// Less than this is not worth a timer.
const SHORTEST_MS = 20;

const request = window.requestAnimationFrame.bind(window);
const cancel = window.cancelAnimationFrame.bind(window);

const held = new Map();
let lastId = 0;
let due = 0;
// eframe may handle an event in one frame, draw in the next and go on in a third.
let eager = 0;

function begin(id, frame) {
  frame.timer = null;
  frame.id = request((time) => {
    held.delete(id);
    frame.callback(time);
  });
}

window.requestAnimationFrame = (callback) => {
  lastId += 1;
  const id = lastId;
  const frame = { callback, id: null, timer: null };
  held.set(id, frame);
  const wait = eager > 0 ? 0 : Math.min(due - performance.now(), LONGEST_MS);
  eager -= 1;
  if (wait > SHORTEST_MS) {
    frame.timer = setTimeout(() => begin(id, frame), wait);
  } else {
    begin(id, frame);
  }
  return id;
};

window.cancelAnimationFrame = (id) => {
  const frame = held.get(id);
  if (frame) {
    clearTimeout(frame.timer);
    if (frame.id !== null) cancel(frame.id);
    held.delete(id);
  }
};

function rest(milliseconds) {
  due = performance.now() + milliseconds;
}

function wake() {
  eager = 2;
  for (const [id, frame] of held) {
    if (frame.timer !== null) {
      clearTimeout(frame.timer);
      begin(id, frame);
    }
  }
}

const EVENTS = [
  "pointerdown", "pointermove", "pointerup", "pointercancel", "mousemove", "mouseleave", "click", "contextmenu", "wheel",
  "touchstart", "touchmove", "touchend", "touchcancel", "gesturestart", "gesturechange", "gestureend",
  "keydown", "keyup", "input", "compositionstart", "compositionupdate", "compositionend", "paste", "cut", "copy",
  "focus", "blur", "focusin", "dragover", "dragleave", "drop", "resize", "hashchange", "popstate", "pageshow",
  "visibilitychange",
];
for (const name of EVENTS) {
  window.addEventListener(name, wake, { capture: true, passive: true });
}

window.millraceFrames = { rest, wake };
