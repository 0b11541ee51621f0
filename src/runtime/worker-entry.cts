// What piscina loads on a worker's thread. CommonJS: piscina loads its file by `require`, and Node 20 aborts the process when a thread is ended
// while it requires an ES module (`v8::Module::IsGraphAsync`); while it imports one, nothing happens.

const loading = import('./worker.js')

module.exports = async (task: Parameters<Awaited<typeof loading>['default']>[0]): Promise<unknown> => (await loading).default(task)
