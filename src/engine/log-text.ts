// Lines of operators and of user code as people read them. Runs on the main thread.

/**
 * The text of a message, its last line ended: each line behind the name of its operator, so that tables stay in line and every line can be found.
 *
 * @param operatorName Empty where it is not known: in code of the module itself, and in callbacks of functions that were not asynchronous.
 */
export function logText(operatorName: string, subtaskIndex: number, message: string, style: (text: string) => string = (text) => text): string {
  if (operatorName === '') return `${message}\n`
  const where = style(`[${operatorName} #${subtaskIndex}]`)
  return message.replace(/^/gm, `${where} `) + '\n'
}

/** Where lines go that nobody asked for. */
export function logToStandardError(operatorName: string, subtaskIndex: number, message: string): void {
  process.stderr.write(logText(operatorName, subtaskIndex, message))
}
