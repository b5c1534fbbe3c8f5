/** One operation: a line that opens to everything that is known of it. */
import { html, useRef } from "../preact.js";
import { nameOf, typeWords } from "./reading.js";
import { Schema } from "./schema-view.js";
import { marked, Text } from "./text.js";
import { TryIt } from "./try-it.js";

/** `open` opens it; `onToggle(open)` tells that the reader did. */
export function Operation({ document, entry, open, onToggle }) {
  const { id, method, path, summary, description, parameters = [], requestBody, responses } = entry;
  return html`<${Opening} id=${id} open=${open} onToggle=${onToggle}
    head=${html`<span class="method ${method.toLowerCase()}">${method}</span>
      <code class="path">${pathParts(path)}</code>
      <span class="says">${marked(summary)}</span>`}
  >
    ${description && html`<${Text} text=${description} />`}
    <p class="text facts"><span>${access(entry)}</span> <span>Name: <code>${id}</code></span></p>
    ${parameters.length > 0 && html`<h3>Parameters</h3><${Parameters} document=${document} parameters=${parameters} />`}
    ${requestBody && html`<h3>Body</h3><${Content} document=${document} content=${requestBody.content} />`}
    <h3>Answers</h3>
    <${Answers} document=${document} responses=${responses} />
    <${TryIt} document=${document} operation=${entry} />
  <//>`;
}

/** A webhook: what this server sends to an address that its user gave. */
export function Webhook({ document, entry, open, onToggle }) {
  const { id, name, summary, description, parameters = [], requestBody } = entry;
  return html`<${Opening} id=${id} open=${open} onToggle=${onToggle}
    head=${html`<span class="method post">POST</span><code class="path">${name}</code><span class="says">${marked(summary)}</span>`}
  >
    ${description && html`<${Text} text=${description} />`}
    ${parameters.length > 0 && html`<h3>Headers</h3><${Parameters} document=${document} parameters=${parameters} />`}
    ${requestBody && html`<h3>Body</h3><${Content} document=${document} content=${requestBody.content} />`}
  <//>`;
}

/** A message of a data channel. */
export function Message({ document, entry, open, onToggle }) {
  const { id, from, kind, schema, description } = entry;
  return html`<${Opening} id=${id} open=${open} onToggle=${onToggle}
    head=${html`<span class="method ${from}">${from}</span><code class="path">${kind}</code><span class="says">${marked(description)}</span>`}
  >
    <${Schema} document=${document} schema=${schema} />
  <//>`;
}

function Opening({ id, open, onToggle, head, children }) {
  const details = useRef(null);
  // What is closed is not drawn: hundreds of tables would make the page slow.
  return html`<details
    class="operation"
    id=${id}
    ref=${details}
    open=${open}
    onToggle=${() => details.current.open !== open && onToggle(details.current.open)}
  >
    <summary>${head}</summary>
    ${open && html`<div class="inside">${children}</div>`}
  </details>`;
}

/** Long addresses break at their slashes. */
const pathParts = (path) => path.split(/(?=\/)/).map((part) => html`${part}<wbr />`);

function access({ security }) {
  if (security.length === 0) return "Open to everybody.";
  return "session" in security[0] ? "Needs the session's own token." : "Needs a user's access token.";
}

function Parameters({ document, parameters }) {
  return html`<ul class="fields">
    ${parameters.map(
      (each) => html`<li key=${each.name}>
        <div class="field">
          <code class="name">${each.name}</code>
          <span class="type">${typeWords(document, each.schema)}${"default" in each.schema && ` · default ${JSON.stringify(each.schema.default)}`}</span>
          <span class="optional">${each.in}${!each.required && ", optional"}</span>
        </div>
        ${each.description && html`<${Text} text=${each.description} />`}
      </li>`,
    )}
  </ul>`;
}

function Content({ document, content }) {
  return Object.entries(content).map(
    ([mediaType, { schema }]) => html`<div class="content" key=${mediaType}>
      <p class="media">${mediaType}${schema.$ref && html` · ${nameOf(schema.$ref)}`}</p>
      ${Object.keys(schema).length > 0 && html`<${Schema} document=${document} schema=${schema} />`}
    </div>`,
  );
}

/** What is good with its content, then every problem in a line: they all look alike. */
function Answers({ document, responses }) {
  const all = Object.entries(responses);
  const good = all.filter(([status]) => status < "4");
  const problems = all.filter(([status]) => status >= "4");
  return html`
    ${good.map(
      ([status, { description, headers = {}, content }]) => html`<div class="answer" key=${status}>
        <p class="text"><code class="status">${status}</code> ${description}</p>
        ${Object.entries(headers).map(
          ([name, header]) => html`<p class="text header"><code>${name}</code> ${header.description}</p>`,
        )}
        ${content && html`<${Content} document=${document} content=${content} />`}
      </div>`,
    )}
    ${problems.length > 0 &&
    html`<h3>Problems</h3>
      <ul class="problems">
        ${problems.map(
          ([status, { description }]) => html`<li key=${status}><code class="status">${status}</code><${Text} text=${description} /></li>`,
        )}
      </ul>`}
  `;
}
