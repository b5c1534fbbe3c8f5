/** A schema as a list of fields, each opening to what is inside it. */
import { html } from "../preact.js";
import { fields, typeWords } from "./reading.js";
import { Text } from "./text.js";

/** `within` holds the schemas around this one, so that one that holds itself ends. */
export function Schema({ document, schema, within = [] }) {
  const key = JSON.stringify(schema);
  const inside = within.includes(key) ? [] : fields(document, schema);
  if (inside.length === 0) return html`<p class="type">${typeWords(document, schema)}</p>`;
  return html`<ul class="fields">
    ${inside.map((field) => html`<${Field} key=${field.name} document=${document} field=${field} within=${[...within, key]} />`)}
  </ul>`;
}

function Field({ document, field, within }) {
  const { name, schema, required, description } = field;
  const head = html`<code class="name">${name}</code>
    <span class="type">${typeWords(document, schema)}${"default" in schema && ` · default ${JSON.stringify(schema.default)}`}</span>
    ${!required && html`<span class="optional">optional</span>`}`;
  const more = !within.includes(JSON.stringify(schema)) && fields(document, schema).length > 0;
  return html`<li>
    ${more
      ? html`<details class="field"><summary>${head}</summary><${Schema} document=${document} schema=${schema} within=${within} /></details>`
      : html`<div class="field">${head}</div>`}
    ${description && html`<${Text} text=${description} />`}
  </li>`;
}
