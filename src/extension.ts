/** @file Hello. */
export {};
