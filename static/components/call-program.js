/** What is to be done in a call, in order. The coach chooses from the exercises that they see. */
import { listExercises } from "../api.js";
import { stillSent, without } from "../call/program.js";
import { matching } from "../exercise-search.js";
import { aimWords } from "../exercise-words.js";
import { t } from "../i18n.js";
import { useLoaded } from "../loading.js";
import { html, useEffect, useId, useRef, useState } from "../preact.js";
import { Icon } from "./icons.js";
import { Notice } from "./notice.js";

/** The most that the server takes. */
const MOST = 30;

/** So many are shown of those that fit what was typed; a letter more finds the others. */
const SHOWN = 5;

/** Changes the program as the last change left it, though the server may not have told that yet. */
function useChange({ program }, refused, send) {
  const sent = useRef(null);
  const ids = program.map(({ id }) => id);
  sent.current = stillSent(sent.current, ids);
  useEffect(() => {
    if (refused?.of === "program") sent.current = null;
  }, [refused?.at]);
  return (change) => {
    const next = change(sent.current ?? ids);
    if (send("program", { exercise_ids: next })) sent.current = next;
  };
}

export function Program({ call, refused, send }) {
  const { program, current, run } = call;
  const change = useChange(call, refused, send);
  const [searching, setSearching] = useState(false);
  const opener = useRef(null);
  if (searching) {
    const close = () => {
      setSearching(false);
      requestAnimationFrame(() => opener.current?.focus());
    };
    return html`<${Search} onAdd=${(id) => change((ids) => [...ids, id])} onClose=${close} />`;
  }
  return html`<div class="call-program">
    ${program.length === 0 && html`<p class="muted">${t("call.program.none")}</p>`}
    <ol>
      ${program.map(
        (item, index) => html`<li key=${`${item.id} ${index}`} class=${index === current ? "current" : undefined}>
          <button
            class="call-item"
            aria-pressed=${index === current ? "true" : "false"}
            disabled=${run !== null}
            onClick=${() => send("select", { index })}
          >
            <span class="call-item-number number">${index === current ? html`<${Icon} name="play" />` : index + 1}</span>
            <span><strong>${item.name}</strong> <span class="muted">${aimWords(item)}</span></span>
          </button>
          <button
            class="icon-button"
            aria-label=${t("call.program.remove", { name: item.name })}
            title=${t("call.program.remove", { name: item.name })}
            disabled=${run !== null && index === current}
            onClick=${() => change((ids) => without(ids, item.id, index))}
          >
            <${Icon} name="poor" />
          </button>
        </li>`,
      )}
    </ol>
    ${program.length < MOST &&
    html`<button ref=${opener} class="button small" onClick=${() => setSearching(true)}>
      <${Icon} name="plus" />${t("call.program.add")}
    </button>`}
  </div>`;
}

/** Finds an exercise by a few letters. Loaded when somebody looks for one. */
function Search({ onAdd, onClose }) {
  const id = useId();
  const input = useRef(null);
  const [text, setText] = useState("");
  const [said, setSaid] = useState("");
  const { value, error, reload } = useLoaded((signal) => listExercises(signal));
  const found = matching((value ?? []).filter(({ state }) => state === "ready"), text);
  const root = useRef(null);
  useEffect(() => {
    input.current.focus();
  }, []);
  useEffect(() => root.current.scrollIntoView({ block: "nearest" }), [value]); // what is found is in sight
  const add = ({ id: exerciseId, name }) => {
    onAdd(exerciseId);
    setText("");
    setSaid(t("call.program.added", { name }));
    input.current.focus();
  };
  const press = (event) => {
    if (event.key === "Escape") onClose();
    if (event.key === "Enter" && found.length > 0 && text !== "") add(found[0]);
  };
  return html`<div ref=${root} class="call-search">
    <label for=${id} class="visually-hidden">${t("call.program.search")}</label>
    <div class="call-search-field">
      <${Icon} name="search" />
      <input
        id=${id}
        ref=${input}
        type="search"
        autocomplete="off"
        placeholder=${t("call.program.search")}
        value=${text}
        onInput=${({ currentTarget }) => setText(currentTarget.value)}
        onKeyDown=${press}
      />
      <button class="icon-button" aria-label=${t("call.close")} title=${t("call.close")} onClick=${onClose}><${Icon} name="poor" /></button>
    </div>
    ${error !== null && html`<${Notice} text=${error} action=${t("action.try_again")} onAction=${reload} />`}
    <ul>
      ${found.slice(0, SHOWN).map(
        (each) => html`<li key=${each.id}>
          <button class="call-item" onClick=${() => add(each)}>
            <${Icon} name="plus" /><span><strong>${each.name}</strong> <span class="muted">${aimWords(each)}</span></span>
          </button>
        </li>`,
      )}
    </ul>
    ${value !== null && found.length === 0 && html`<p class="muted">${t(text === "" ? "call.program.empty" : "call.program.no_match")}</p>`}
    ${found.length > SHOWN && html`<p class="muted">${t("call.program.more", { count: found.length - SHOWN })}</p>`}
    <p class="visually-hidden" role="status">${said}</p>
  </div>`;
}
