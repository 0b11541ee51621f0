// User functions and the subtasks that run them. Pure.

/**
 * Functions written as plain objects get an object of their own for each operator, so that what `open` puts on `this` belongs to one subtask;
 * instances of classes are taken as they are.
 */
export function ownFunction<F extends object>(fn: F): F {
  return Object.getPrototypeOf(fn) === Object.prototype ? { ...fn } : fn
}
