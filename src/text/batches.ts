/** @file stub */
export interface Batch {
  rows: number;
  length: number;
  inputIds: Int32Array;
  typeIds: Int32Array;
  attentionMask: Float32Array;
  labels: Int32Array;
  indices: Int32Array;
  tokens: number;
}
