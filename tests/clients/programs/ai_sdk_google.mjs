// Vercel's AI SDK, as Gemini's client.
import { createGoogleGenerativeAI } from "@ai-sdk/google";

import { callsWith } from "./ai_sdk.mjs";
import { run } from "./steps.mjs";

await run((url) => callsWith(createGoogleGenerativeAI(url ? { baseURL: url, apiKey: "any" } : {})));
