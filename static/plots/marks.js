/** Shapes that tell what is marked apart without a colour, as SVG paths around a place. */

export const dot = (x, y, radius = 4) =>
  `M${x - radius} ${y}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0`;

export const ring = (x, y) => dot(x, y, 5);

/** `half` its height. */
export const diamond = (x, y, half = 5) => `M${x} ${y - half}l${half} ${half} ${-half} ${half} ${-half} ${-half}Z`;

export const cross = (x, y) => `M${x - 4} ${y - 4}l8 8M${x + 4} ${y - 4}l-8 8`;
