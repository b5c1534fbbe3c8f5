/** What somebody changes of an exercise before it is saved. No DOM, no network. */
import { partOf, trimPoints } from "./trim.js";

/** The largest target that the server takes, repetitions or seconds. */
export const LARGEST_TARGET = 3600;

/** An exercise as a form has it: `target` is a text, and the part of the clip has both ends. */
export const draftOf = (exercise) => ({
  name: exercise.name,
  description: exercise.description,
  kind: exercise.kind,
  target: exercise.target === null ? "" : String(exercise.target),
  mirrored: exercise.mirrored,
  visibility: exercise.visibility,
  part: partOf(exercise),
});

/** What was typed as a target, in whole repetitions or seconds; null for nothing. */
export function targetOf(text) {
  const target = Number.parseInt(text, 10);
  return Number.isNaN(target) ? null : target;
}

/** What `draft` changes of `exercise`, as the body of its PATCH; empty when it changes nothing. */
export function changesOf(draft, exercise) {
  const wanted = {
    name: draft.name.trim(),
    description: draft.description.trim(),
    kind: draft.kind,
    target: targetOf(draft.target),
    mirrored: draft.mirrored,
    visibility: draft.visibility,
    ...trimPoints(draft.part, exercise.clip_duration_s),
  };
  return Object.fromEntries(Object.entries(wanted).filter(([name, value]) => value !== exercise[name]));
}

export const isChanged = (draft, exercise) => Object.keys(changesOf(draft, exercise)).length > 0;
