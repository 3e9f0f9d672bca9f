/* Loads the module that a page asks for, or says below the title why it cannot. This one is a plain
   script: a page opened as a file may not load modules, and an old browser knows none. */
"use strict";
{
  const { src, dataset } = document.currentScript;
  const say = (text) => {
    const word = document.querySelector(".page-word");
    word.textContent = text;
    word.hidden = false;
  };
  if (location.protocol === "file:")
    say(
      "The code of this page can be run in it, but not where it is opened as a file. Start a server, " +
        "python -m http.server --directory _build/html, and open http://localhost:8000.",
    );
  else if (!("noModule" in HTMLScriptElement.prototype))
    say("The code of this page can be run in it, but this browser is too old for that.");
  else {
    const script = document.createElement("script");
    script.type = "module";
    script.src = new URL(dataset.module, src);
    document.head.append(script);
  }
}
