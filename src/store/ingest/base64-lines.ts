/**
 * The inner loop of base64 (RFC 4648 section 4) with line breaks, as WebAssembly made here: 12 octets become 16
 * characters at a time (128-bit SIMD), and line breaks are written where they belong. Buffer's own base64 is as quick, but
 * knows no lines, and to cut its text into lines takes five times as long.
 */

/** Octets of what one call encodes. */
export const MAX_OCTETS = 48 * 1024;
const PAGE = 64 * 1024;
/** What is encoded lies in the first page, the lines in those after it: two characters for an octet at most, in lines of 4. */
const OUT = PAGE;
const PAGES = 4;
/** Octets of a line that is encoded at one go: those of 64 and 76 characters are shorter. */
const SHORT_LINE = 60;

export interface LineEncoder {
  /** Place for what is to be encoded. */
  readonly input: Uint8Array;
  /** Encoded lines, from `encode` to the next one. */
  readonly output: Uint8Array;
  /**
   * Encodes the first `length` octets of `input`, which zeros must follow, each line with its break. The last line's
   * padding is left to the caller.
   * @param octets of a full line, a multiple of 3
   * @param characters of a full line
   * @param lineBreak its octets, little-endian
   */
  encode(length: number, octets: number, characters: number, lineBreak: number, breakLength: number): void;
}

/** What is used of the global that TypeScript knows in browsers only. */
declare const WebAssembly: {
  readonly Module: new (octets: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (module: object) => { readonly exports: Exports };
};

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  encode(
    at: number,
    end: number,
    to: number,
    octets: number,
    characters: number,
    lineBreak: number,
    breakLength: number,
  ): void;
}

export function makeLineEncoder(): LineEncoder {
  const { memory, encode } = new WebAssembly.Instance(new WebAssembly.Module(moduleOctets())).exports;
  const input = new Uint8Array(memory.buffer, 0, OUT);
  for (const [index, octets] of Object.values(VECTORS).entries()) input.set(octets, vectorAddress(index));
  return {
    input,
    output: new Uint8Array(memory.buffer, OUT),
    encode: (length, octets, characters, lineBreak, breakLength) =>
      encode(0, length, OUT, octets, characters, lineBreak, breakLength),
  };
}

const every = (octet: number) => new Array<number>(16).fill(octet);
/** Two numbers of 16 bits, four times. */
const pairs = (first: number, second: number) =>
  every(0).map((_, at) => ([first, second][(at >> 1) & 1] ?? 0) >> ((at & 1) * 8));
/** Octets of another vector, of each three alike: which of them come; none means zero. */
const order = (...chosen: (number | null)[]) =>
  [0, 3, 6, 9].flatMap(three => chosen.map(octet => (octet === null ? 0x80 : three + octet)));

/** Read into locals, which stay in registers: as constants they would be made again at each use, for four times the cost. */
const VECTORS = {
  orderRight: order(0, null, 2, 1),
  maskRight: pairs(0xfc, 0xfc0),
  factorRight: pairs(1 << 13, 1 << 9),
  orderLeft: order(1, 0, 2, 1),
  factorLeft: pairs(1 << 4, 1 << 8),
  maskLeft: pairs(0x3f00, 0x3f00),
  /** What is added to six bits: by 0 for A to Z, 1 for a to z, 2 to 11 for digits, 12 for +, 13 for /. */
  added: [65, 71, ...new Array<number>(10).fill(-4), -19, -16, 0, 0],
  beforeDigits: every(51),
  lastUpperCase: every(25),
};

/** Behind what is encoded, in the same page. */
function vectorAddress(index: number): number {
  return OUT - 16 * (index + 1);
}

// Parameters and locals of the function, then the vectors.
const [AT, END, TO, LINE_OCTETS, LINE_CHARACTERS, BREAK, BREAK_LENGTH] = [0, 1, 2, 3, 4, 5, 6];
const [STOP, WRITE, TWELVE, FIRST_VECTOR] = [7, 8, 9, 10];

// The instructions that are used (WebAssembly Core Specification 3.0, section 5.4).
const I32 = 0x7f;
const V128 = 0x7b;
const NO_RESULT = 0x40;
const END_OF_BLOCK = 0x0b;
const get = (local: number) => [0x20, local];
const set = (local: number) => [0x21, local];
const vector = (name: keyof typeof VECTORS) => get(FIRST_VECTOR + Object.keys(VECTORS).indexOf(name));
const i32 = (value: number) => [0x41, ...signed(value)];
const ADD = [0x6a];
const EQUAL = [0x46];
const LESS = [0x49];
const SELECT = [0x1b];
const STORE_16 = [0x3b, 0, 0];
const loop = (...body: readonly number[][]) => [0x03, NO_RESULT, ...body.flat(), END_OF_BLOCK];
const AGAIN_IF = [0x0d, 0];
const choose = (yes: readonly number[], no: readonly number[]) => [0x04, NO_RESULT, ...yes, 0x05, ...no, END_OF_BLOCK];
const simd = (opcode: number) => [0xfd, ...unsigned(opcode)];
const load = (offset: number) => [...simd(0x00), 0, ...unsigned(offset)];
const store = (offset: number) => [...simd(0x0b), 0, ...unsigned(offset)];
/** Relaxed, which is one instruction of the processor less: what comes of 16 to 127 is anyone's guess, and not asked. */
const SWIZZLE = simd(0x100);
const GREATER_SIGNED = simd(0x27);
const AND = simd(0x4e);
const OR = simd(0x50);
const ADD_OCTETS = simd(0x6e);
const SUBTRACT = simd(0x71);
const SUBTRACT_SATURATED = simd(0x73);
/** Products of numbers of 16 bits, and the same shifted right by 15. */
const MULTIPLY = simd(0x95);
const MULTIPLY_HIGH = simd(0x82);

/** 12 octets at AT and `from` as 16 characters to WRITE and `to`. */
function encodeTwelve(from: number, to: number): number[] {
  return [
    [...get(AT), ...load(from), ...set(TWELVE), ...get(WRITE)],
    // Of three octets a, b, c: the six bits of a alone, and those of b and c, moved right to the beginning of an octet.
    [...get(TWELVE), ...vector('orderRight'), ...SWIZZLE, ...vector('maskRight'), ...AND],
    [...vector('factorRight'), ...MULTIPLY_HIGH],
    // The six of a and b, and those of c alone, moved left.
    [...get(TWELVE), ...vector('orderLeft'), ...SWIZZLE, ...vector('factorLeft'), ...MULTIPLY],
    [...vector('maskLeft'), ...AND, ...OR, ...set(TWELVE)],
    [...vector('added'), ...get(TWELVE), ...vector('beforeDigits'), ...SUBTRACT_SATURATED],
    // What is greater counts as -1.
    [...get(TWELVE), ...vector('lastUpperCase'), ...GREATER_SIGNED, ...SUBTRACT],
    [...SWIZZLE, ...get(TWELVE), ...ADD_OCTETS, ...store(to)],
  ].flat();
}

function encodeShortLine(): number[] {
  return Array.from({ length: SHORT_LINE / 12 }, (_, index) => encodeTwelve(index * 12, index * 16)).flat();
}

function encodeLongLine(): number[] {
  return loop(
    encodeTwelve(0, 0),
    [...get(AT), ...i32(12), ...ADD, ...set(AT)],
    [...get(WRITE), ...i32(16), ...ADD, ...set(WRITE)],
    [...get(AT), ...get(STOP), ...LESS, ...AGAIN_IF],
  );
}

function encodeLines(): number[] {
  const next = [...get(AT), ...get(LINE_OCTETS), ...ADD];
  return loop(
    // Where this line ends.
    [...next, ...get(END), ...next, ...get(END), ...LESS, ...SELECT, ...set(STOP)],
    [...get(TO), ...set(WRITE)],
    [...get(LINE_OCTETS), ...i32(SHORT_LINE + 1), ...LESS, ...choose(encodeShortLine(), encodeLongLine())],
    [...get(STOP), ...set(AT)],
    // The break goes over what was written beyond the line.
    [...get(TO), ...get(LINE_CHARACTERS), ...ADD, ...set(TO)],
    [...get(TO), ...get(BREAK), ...STORE_16],
    [...get(TO), ...get(BREAK_LENGTH), ...ADD, ...set(TO)],
    [...get(AT), ...get(END), ...LESS, ...AGAIN_IF],
  );
}

function moduleOctets(): Uint8Array<ArrayBuffer> {
  const names = Object.keys(VECTORS);
  const body = [
    ...[2, 2, I32, 1 + names.length, V128],
    ...names.flatMap((_, index) => [...i32(0), ...load(vectorAddress(index)), ...set(FIRST_VECTOR + index)]),
    ...[...get(AT), ...get(END), ...EQUAL, ...choose([], encodeLines())],
    END_OF_BLOCK,
  ];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 7, ...new Array<number>(7).fill(I32), 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 1, PAGES, PAGES]),
    ...section(7, [2, ...name('memory'), 2, 0, ...name('encode'), 0, 0]),
    ...section(10, [1, ...unsigned(body.length), ...body]),
  ]);
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...unsigned(content.length), ...content];
}

function name(text: string): number[] {
  return [text.length, ...Buffer.from(text, 'latin1')];
}

/** LEB128 of what is not negative; `signed` leaves room for a sign. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): number[] {
  return value < 0x40 ? [value] : [(value & 0x7f) | 0x80, ...signed(value >>> 7)];
}
