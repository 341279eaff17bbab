/** @file Style sheets and pictures come into the bundle as text. */

declare module '*.css' {
  const text: string;
  export { text as default };
}

declare module '*.svg' {
  const text: string;
  export { text as default };
}
