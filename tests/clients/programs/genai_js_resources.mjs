// @google/genai for JavaScript: what belongs to the key that made it.
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { GenerateVideosOperation, GoogleGenAI, createPartFromUri, createUserContent } from "@google/genai";

import { PROMPT, run } from "./steps.mjs";

const folder = mkdtempSync(join(tmpdir(), "client-"));
const textFile = join(folder, "notes.txt");
// More than one chunk, which are of 8 MiB.
writeFileSync(textFile, "0123456789abcdef".repeat(600_000));
const config = { displayName: "notes", mimeType: "text/plain" };
const names = async (pager) => (await Array.fromAsync(await pager)).map(({ name }) => name);

function calls(url) {
  const client = new GoogleGenAI(url ? { apiKey: "any", httpOptions: { baseUrl: url } } : {});
  const { batches, caches, fileSearchStores, files, interactions, models, operations } = client;
  const upload = () => files.upload({ file: textFile, config });
  const ask = async (model, more) => (await models.generateContent({ model, contents: PROMPT, ...more })).text;

  const make = async () => (await files.upload({ file: new Blob(["notes"], { type: "text/plain" }) })).name;
  const use = (name) => {
    const contents = createUserContent([createPartFromUri(name, "text/plain"), PROMPT]);
    return ask("gemini-2.5-flash", { contents });
  };

  async function file(model) {
    const made = await upload();
    const contents = createUserContent([createPartFromUri(made.uri, made.mimeType), PROMPT]);
    const said = await ask(model, { contents });
    const seen = await names(files.list({ config: { pageSize: 2 } }));
    const size = Number((await files.get({ name: made.name })).sizeBytes);
    await files.delete({ name: made.name });
    return { made: [made.name], said, size, seen, left: await names(files.list()) };
  }

  async function cache(model) {
    const { name } = await caches.create({ model, config: { contents: PROMPT, ttl: "600s" } });
    const said = await ask(model, { config: { cachedContent: name } });
    await caches.update({ name, config: { ttl: "900s" } });
    const got = await caches.get({ name });
    const seen = await names(caches.list());
    await caches.delete({ name });
    return { made: [got.name], said, seen };
  }

  async function batch(model) {
    const asked = [{ contents: [{ parts: [{ text: PROMPT }], role: "user" }] }];
    const one = await batches.create({ model, src: asked });
    const { name } = await upload();
    const other = await batches.create({ model, src: name });
    const answered = (await batches.get({ name: one.name })).dest.inlinedResponses[0].response;
    const results = (await batches.get({ name: other.name })).dest.fileName;
    const size = await downloaded(results);
    const seen = await names(batches.list());
    await batches.cancel({ name: one.name });
    await batches.delete({ name: other.name });
    return { made: [one.name, name, other.name], said: answered.candidates[0].content.parts[0].text, size, seen };
  }

  async function downloaded(file) {
    const downloadPath = join(folder, `got-${Math.random()}`);
    await files.download({ file, downloadPath });
    return readFileSync(downloadPath).length;
  }

  // The SDK begins none at this API, but follows one.
  async function video() {
    const body = JSON.stringify({ instances: [{ prompt: PROMPT }] });
    const headers = { "content-type": "application/json" };
    const place = `${url}/v1beta/models/veo-3.0-generate-001:predictLongRunning`;
    const { name } = await (await fetch(place, { method: "POST", headers, body })).json();
    const begun = Object.assign(new GenerateVideosOperation(), { name });
    const done = await operations.getVideosOperation({ operation: begun });
    return { made: [name], size: await downloaded(done.response.generatedVideos[0]) };
  }

  async function store(model) {
    const { name } = await fileSearchStores.create({ config: { displayName: "Notes" } });
    const begun = await fileSearchStores.uploadToFileSearchStore({ fileSearchStoreName: name, file: textFile, config });
    const done = await operations.get({ operation: begun });
    const said = await ask(model, { config: { tools: [{ fileSearch: { fileSearchStoreNames: [name] } }] } });
    const { documents } = fileSearchStores;
    const listed = await names(documents.list({ parent: name }));
    const document = (await documents.get({ name: begun.response.documentName })).name;
    const seen = await names(fileSearchStores.list());
    await documents.delete({ name: document });
    await fileSearchStores.delete({ name, config: { force: true } });
    return { made: [name], said, seen, is_there: done.done && listed.join() === document };
  }

  async function interaction(model) {
    const ask = (more) => interactions.create({ model, input: PROMPT, ...more });
    const first = await ask();
    let second;
    for await (const event of await ask({ previous_interaction_id: first.id, stream: true })) {
      if (event.event_type === "interaction.completed") second = event.interaction.id;
    }
    const third = await ask({ previous_interaction_id: second });
    const got = [];
    for (const id of [first.id, second, third.id]) got.push((await interactions.get(id)).id);
    await interactions.delete(first.id);
    return { made: got.map((id) => `interactions/${id}`) };
  }

  return { make, use, file, cache, batch, video, store, interaction };
}

await run(calls);
