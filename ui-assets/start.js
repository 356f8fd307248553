// Starts the designer on the page's canvas, or says in plain words why that is not possible.

import "./frames.js";

const notice = document.getElementById("notice");

function fail(message, detail) {
  notice.hidden = false;
  notice.classList.add("failed");
  notice.setAttribute("role", "alert");
  document.getElementById("message").textContent = message;
  document.getElementById("detail").textContent = detail ?? "";
}

function whatIsMissing() {
  if (typeof WebAssembly !== "object") {
    return "Millrace needs WebAssembly, which this browser does not offer or has switched off.";
  }
  const canvas = document.createElement("canvas");
  if (!canvas.getContext("webgl2") && !canvas.getContext("webgl")) {
    return "Millrace draws with WebGL, which this browser does not offer or has switched off.";
  }
  return null;
}

async function start() {
  const missing = whatIsMissing();
  if (missing) {
    fail(missing, "Switch it on in the browser's settings, or use a newer browser.");
    return;
  }
  try {
    const designer = await import("./millrace_web.js");
    await designer.default();
    notice.hidden = true;
    document.getElementById("millrace").focus();
  } catch (error) {
    console.error(error);
    fail("Millrace could not be started.", String(error?.message ?? error));
  }
}

// A panic inside the designer reaches the page as an error of the wasm runtime; the canvas is dead after it.
window.addEventListener("error", (event) => {
  if (event.error instanceof WebAssembly.RuntimeError) {
    fail("Millrace has stopped because of a defect. Load the page again: your work is saved.", String(event.error.message));
  }
});

start();
