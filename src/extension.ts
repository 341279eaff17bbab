/** @file Hello. */
export function activate(): void {}
