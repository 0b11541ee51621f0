// Which operator has made the asynchronous call that code runs in: for its log lines and for errors that nobody caught. The chain of callbacks
// behind a call carries it, so that engines and jobs in one process do not see each other's.

import { AsyncLocalStorage } from 'node:async_hooks'
import type { OperatorContext } from '../operator.ts'

/** Entered by each call of an asynchronous function. */
export const callingOperator = new AsyncLocalStorage<Pick<OperatorContext, 'operatorName' | 'subtaskIndex'>>()
