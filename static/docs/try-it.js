/** A form that sends one request to this server, as a program would. */
import { html, useId, useState } from "../preact.js";
import { address, sample } from "./reading.js";

const JSON_TYPE = "application/json";
const LONGEST = 20_000; // characters of an answer that are shown

/** Kept here, for all forms, and nowhere else: it is gone with the page. */
let lastToken = "";

export function TryIt({ document, operation }) {
  const { method, path, parameters = [], requestBody, security } = operation;
  const takesJson = requestBody && JSON_TYPE in requestBody.content;
  const [values, setValues] = useState({});
  const [token, setToken] = useState(lastToken);
  const [body, setBody] = useState(() =>
    takesJson ? JSON.stringify(sample(document, requestBody.content[JSON_TYPE].schema), null, 2) : "",
  );
  const [answer, setAnswer] = useState(null);
  if (requestBody && !takesJson) return null; // files and SDP are for programs

  async function send(event) {
    event.preventDefault();
    setAnswer({ status: "Sending …", text: "" });
    const headers = {};
    if (token) headers.Authorization = `Bearer ${token}`;
    if (takesJson) headers["Content-Type"] = JSON_TYPE;
    for (const { name } of parameters.filter((each) => each.in === "header" && values[each.name])) headers[name] = values[name];
    try {
      const options = { method, headers, body: takesJson ? body : undefined, cache: "no-store" };
      const response = await fetch(address(path, parameters, values), options);
      setAnswer({ status: `${response.status} ${response.statusText}`, text: await readable(response) });
    } catch (error) {
      setAnswer({ status: "No answer", text: String(error) });
    }
  }

  return html`<details class="try">
    <summary>Try it</summary>
    <form onSubmit=${send}>
      ${security.length > 0 &&
      html`<${Input} label="Token" type="password" value=${token} onInput=${(value) => setToken((lastToken = value))} />`}
      ${parameters.map(
        ({ name, required }) => html`<${Input} key=${name} label=${name} required=${required} value=${values[name] ?? ""}
          onInput=${(value) => setValues({ ...values, [name]: value })} />`,
      )}
      ${takesJson &&
      html`<label class="input"><span>Body</span>
        <textarea rows=${Math.min(14, body.split("\n").length + 1)} spellcheck="false" value=${body} onInput=${({ target }) => setBody(target.value)} />
      </label>`}
      <button type="submit">Send</button>
    </form>
    <div role="status">
      ${answer && html`<p class="text"><strong>${answer.status}</strong></p>`}
      ${answer?.text && html`<pre tabindex="0">${answer.text}</pre>`}
    </div>
  </details>`;
}

function Input({ label, value, onInput, type = "text", required = false }) {
  const id = useId();
  return html`<div class="input">
    <label for=${id}>${label}</label>
    <input id=${id} type=${type} value=${value} required=${required} autocomplete="off" spellcheck="false"
      onInput=${({ target }) => onInput(target.value)} />
  </div>`;
}

/** The text of an answer, JSON in lines; of anything else what it is. */
async function readable(response) {
  const type = response.headers.get("Content-Type") ?? "";
  if (type.includes("json")) return JSON.stringify(await response.json(), null, 2).slice(0, LONGEST);
  if (type.startsWith("text/")) return (await response.text()).slice(0, LONGEST);
  const { size } = await response.blob();
  return size > 0 ? `${size} bytes of ${type || "an unknown type"}` : "";
}
