// @google/genai for JavaScript: the Live API.
import { GoogleGenAI } from "@google/genai";

import { PROMPT, run } from "./steps.mjs";

function calls(url) {
  const { live } = new GoogleGenAI({ apiKey: "any", httpOptions: { baseUrl: url } });

  async function talk(model) {
    const said = [];
    let tokens = 0;
    let turnEnds;
    let fail;
    const onmessage = ({ serverContent, usageMetadata }) => {
      if (!serverContent) return;
      said.push(serverContent.modelTurn.parts[0].text);
      tokens += usageMetadata.totalTokenCount;
      turnEnds();
    };
    const onclose = ({ code, reason }) => fail?.(new Error(`closed: ${code} ${reason}`));
    const session = await live.connect({ model, callbacks: { onmessage, onclose } });
    for (let turn = 0; turn < 2; turn += 1) {
      const ended = new Promise((resolve, reject) => {
        [turnEnds, fail] = [resolve, reject];
      });
      session.sendClientContent({ turns: PROMPT });
      await ended;
    }
    session.close();
    return { said, tokens };
  }

  return { live: talk };
}

await run(calls);
