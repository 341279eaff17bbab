/** @file Registers tfjs's gradients: its main module for Node leaves them out. */

import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
