/** Arrays that travel in JSON as base64, little-endian as every machine that runs a browser. */

function bytes(text: string): ArrayBuffer {
  const binary = atob(text);
  const array = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i += 1) array[i] = binary.charCodeAt(i);
  return array.buffer;
}

export const float32 = (text: string): Float32Array => new Float32Array(bytes(text));
export const uint32 = (text: string): Uint32Array => new Uint32Array(bytes(text));
