// Texts of JSON as Jackson writes them.

const LETTERS: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', '\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't' }

/** Unlike JSON.stringify: control characters in upper case, halves of pairs as they are. */
export function quoteJson(text: string): string {
  // eslint-disable-next-line no-control-regex
  return `"${text.replaceAll(/["\\\u0000-\u001f]/g, (character) => {
    return `\\${LETTERS[character] ?? `u${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`}`
  })}"`
}
