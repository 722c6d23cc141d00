// Vercel's AI SDK, as OpenAI's client.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";

import { callsWith } from "./ai_sdk.mjs";
import { run } from "./steps.mjs";

await run((url) => callsWith(createOpenAICompatible({ name: "gateway", baseURL: url, apiKey: "any" })));
