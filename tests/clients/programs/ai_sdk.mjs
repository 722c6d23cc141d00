// What Vercel's AI SDK does, for each provider.
import { embed, generateText, streamText } from "ai";

import { PROMPT, joined } from "./steps.mjs";

export const callsWith = (provider) => ({
  chat: async (model) => (await generateText({ model: provider(model), prompt: PROMPT, maxRetries: 0 })).text,
  stream: async (model) => {
    let failure;
    const onError = ({ error }) => (failure = error);
    const { textStream } = streamText({ model: provider(model), prompt: PROMPT, maxRetries: 0, onError });
    const whole = await joined(textStream);
    if (failure) throw failure;
    return whole;
  },
  embed: async (model) =>
    (await embed({ model: provider.embeddingModel(model), value: "one", maxRetries: 0 })).embedding,
});
