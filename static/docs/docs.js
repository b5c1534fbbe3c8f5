/** The page of the API's description: reads /openapi.json and shows it. */
import { html, render, useLayoutEffect, useRef, useState } from "../preact.js";
import { Message, Operation, Webhook } from "./operation-view.js";
import { groups, matches, messages, webhooks } from "./reading.js";
import { Text } from "./text.js";

const target = () => decodeURIComponent(location.hash.slice(1));

function App({ document: described }) {
  const [search, setSearch] = useState("");
  const [open, setOpen] = useState(() => new Set([target()]));
  const field = useRef(null);

  function toggle(id, opened) {
    setOpen((before) => new Set(opened ? [...before, id] : [...before].filter((each) => each !== id)));
    if (opened) history.replaceState(null, "", `#${id}`);
  }

  useLayoutEffect(() => {
    const follow = () => {
      setSearch("");
      setOpen((before) => new Set([...before, target()]));
    };
    const jump = (event) => {
      if (event.key !== "/" || event.target.matches("input, textarea")) return;
      event.preventDefault();
      field.current.focus();
    };
    addEventListener("hashchange", follow);
    addEventListener("keydown", jump);
    return () => {
      removeEventListener("hashchange", follow);
      removeEventListener("keydown", jump);
    };
  }, []);

  // The browser looked for the target before it was drawn.
  useLayoutEffect(() => document.getElementById(target())?.scrollIntoView(), []);

  const found = foundBy(described, search);
  const shown = { described, open, toggle };
  const count = found.reduce((sum, { entries }) => sum + entries.length, 0);
  return html`
    <a class="skip" href="#content">Skip to the content</a>
    <header>
      <a class="brand" href="/docs"><img src="/icon.svg" alt="" width="26" height="26" />posesim API</a>
      <span class="version">${described.info.version}</span>
      <a class="file" href="/openapi.json">openapi.json</a>
    </header>
    <div class="columns">
      <nav aria-label="Sections">
        <label class="search">
          <span class="visually-hidden">Search</span>
          <input type="search" placeholder="Search" aria-keyshortcuts="/" ref=${field} value=${search} onInput=${(event) => setSearch(event.target.value)} />
        </label>
        <p class="visually-hidden" role="status">${search && `${count} found`}</p>
        <ul>
          ${found.map(
            ({ id, title, entries }) => html`<li key=${id}><a href="#${id}">${title}</a><span class="count">${entries.length}</span></li>`,
          )}
        </ul>
      </nav>
      <main id="content" tabindex="-1">
        ${!search && html`<h1>The API of posesim</h1>${described.info.description.split("\n\n").map((text) => html`<${Text} text=${text} />`)}`}
        ${found.map((section) => html`<${Section} key=${section.id} ...${section} ...${shown} />`)}
        ${count === 0 && html`<p class="text">Nothing here has these words. <button type="button" class="plain" onClick=${() => setSearch("")}>Show all</button></p>`}
      </main>
    </div>
  `;
}

/** The sections that hold something with the words of `search`. */
function foundBy(described, search) {
  const sections = groups(described).map(({ tag, operations }) => ({
    id: `tag-${tag.toLowerCase().replace(/\W+/g, "-")}`,
    title: tag,
    about: "",
    View: Operation,
    entries: operations.filter((each) => matches(search, each.method, each.path, each.summary, each.id, tag, each.description ?? "")),
  }));
  sections.push({
    id: "messages-to-webhooks",
    title: "Messages to webhooks",
    about: "What this server sends to the address of a webhook when something has happened.",
    View: Webhook,
    entries: webhooks(described).filter((each) => matches(search, each.name, each.summary, "webhook")),
  });
  const channels = described["x-data-channels"];
  for (const [channel, { description }] of Object.entries(channels?.channels ?? {})) {
    sections.push({
      id: `channel-${channel}`,
      title: `Data channel ${channel}`,
      about: `${channels.description} ${description}`,
      View: Message,
      entries: messages(described).filter(
        (each) => each.channel === channel && matches(search, each.kind, each.description, each.from, "data channel", channel),
      ),
    });
  }
  sections.push({
    id: "call-socket",
    title: "WebSocket of a call",
    about: described["x-call-socket"]?.description ?? "",
    View: Message,
    entries: messages(described).filter((each) => each.channel === "call" && matches(search, each.kind, each.description, each.from, "websocket call")),
  });
  return sections.filter(({ entries }) => entries.length > 0);
}

function Section({ id, title, about, View, entries, described, open, toggle }) {
  return html`<section aria-labelledby=${id}>
    <h2 id=${id} tabindex="-1">${title}</h2>
    ${about && html`<${Text} text=${about} />`}
    ${entries.map(
      (each) => html`<${View} key=${each.id} document=${described} entry=${each} open=${open.has(each.id)} onToggle=${(opened) => toggle(each.id, opened)} />`,
    )}
  </section>`;
}

async function start() {
  const root = document.getElementById("docs");
  try {
    const response = await fetch("/openapi.json");
    if (!response.ok) throw new Error(`${response.status}`);
    const described = await response.json();
    root.replaceChildren();
    render(html`<${App} document=${described} />`, root);
  } catch (error) {
    root.replaceChildren(
      Object.assign(document.createElement("p"), {
        className: "loading",
        textContent: `The description could not be loaded (${error.message}). Load this page again.`,
      }),
    );
  }
}

start();
