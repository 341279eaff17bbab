/** @file A drawing as a file: SVG in the theme's colours, or PNG. */

import { svgText, type Drawing } from '../../src/protocol/drawing/shapes';
import { themeColours } from '../look/palette';

export const drawingFile = (drawing: Drawing): string => svgText(drawing, themeColours());

/** An SVG file drawn on a canvas, at twice its size so that it is sharp when printed. */
export async function pngOf(svg: string): Promise<Uint8Array> {
  const image = new Image();
  const url = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
  try {
    image.src = url;
    await image.decode();
    const canvas = document.createElement('canvas');
    canvas.width = 2 * image.width;
    canvas.height = 2 * image.height;
    canvas.getContext('2d')!.drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
    if (!blob) throw new Error('The picture could not be drawn.');
    return new Uint8Array(await blob.arrayBuffer());
  } finally {
    URL.revokeObjectURL(url);
  }
}
