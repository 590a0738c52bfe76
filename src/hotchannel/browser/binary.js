/**
 * Binary messages: `SIZE HEADER BODY` in one frame, as `wire/binary.py` describes them. Knows no socket.
 */

const SIZE = 4;
/** Bytes of a header: from here on no server reads it. */
const MAX_HEADER = 64 * 1024;

/**
 * @typedef {object} BinaryMessage
 * @property {string} event
 * @property {ArrayBuffer} data
 * @property {unknown} meta undefined where there is none
 * @property {number | string | undefined} seq
 */

/**
 * Whether data travels as it is.
 *
 * @param {unknown} data
 * @returns {data is ArrayBuffer | ArrayBufferView}
 */
export function isBinary(data) {
  return data instanceof ArrayBuffer || ArrayBuffer.isView(data);
}

/**
 * @param {string} event
 * @param {ArrayBuffer | ArrayBufferView} data
 * @param {unknown} meta whatever JSON can say; undefined is left out
 * @returns {ArrayBuffer}
 * @throws {RangeError} `meta` is too long
 */
export function pack(event, data, meta) {
  const header = new TextEncoder().encode(JSON.stringify({ event, meta }));
  if (header.length >= MAX_HEADER) throw new RangeError(`the meta of ${event} is too long: ${header.length} bytes`);
  const body = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
  const message = new Uint8Array(SIZE + header.length + body.length);
  new DataView(message.buffer).setUint32(0, header.length);
  message.set(header, SIZE);
  message.set(body, SIZE + header.length);
  return message.buffer;
}

/**
 * @param {ArrayBuffer} message
 * @returns {BinaryMessage}
 */
export function unpack(message) {
  const end = SIZE + new DataView(message).getUint32(0);
  const { event, meta, seq } = JSON.parse(new TextDecoder().decode(new Uint8Array(message, SIZE, end - SIZE)));
  return { event, data: message.slice(end), meta, seq };
}
