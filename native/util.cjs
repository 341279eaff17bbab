/** @file Node's util with the two functions that tfjs-node asks it for and that newer versions no longer have. */

module.exports = {
  ...require('node:util'),
  isNullOrUndefined: (value) => value === null || value === undefined,
  isArray: Array.isArray,
};
