// Plays OpenCode for the plugin: reads {plugin, steps} from stdin, calls what the steps say, prints what they took.
import { readFileSync } from "node:fs"
import { pathToFileURL } from "node:url"

const { plugin: path, steps } = JSON.parse(readFileSync(0, "utf8"))
const { default: plugin } = await import(pathToFileURL(path).href)
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const hooks = {}
const took = []
const thrown = []

// A stand-in for the context of OpenCode 2: one stream of events for all locations, hooks by domain.
const subscribers = new Set()
const registered = []
const cleanups = {}
function context(directory, options = {}, placed = true) {
  const domain = (name) => ({
    hook: async (hook, call) => (registered.push({ directory, name: `${name}.${hook}`, call }), { dispose() {} }),
  })
  return {
    ...(placed && {
      app: { name: "opencode", version: "2.1.2", channel: "latest" },
      location: { directory, project: { id: "p1", directory } },
    }),
    options,
    event: {
      async *subscribe({ signal } = {}) {
        const waiting = []
        let wake = () => {}
        const put = (event) => (waiting.push(event), wake())
        subscribers.add(put)
        signal?.addEventListener("abort", () => wake())
        try {
          while (!signal?.aborted) {
            if (waiting.length) yield waiting.shift()
            else await new Promise((resolve) => (wake = resolve))
          }
        } finally {
          subscribers.delete(put)
        }
      },
    },
    session: domain("session"),
    tool: domain("tool"),
  }
}

const odd = {
  cyclic: () => {
    const value = { sessionID: "ses_1" }
    value.self = value
    return value
  },
  throwing: () =>
    new Proxy(
      {},
      {
        get() {
          throw new Error("no")
        },
        has() {
          throw new Error("no")
        },
        ownKeys() {
          throw new Error("no")
        },
      },
    ),
  bigint: () => ({ sessionID: "ses_1", system: [1n] }),
  null: () => null,
}

const run = {
  server: async ({ dir, options, answers = {} }) => {
    const client = Object.fromEntries(
      Object.entries({ tool: "list", app: "agents", mcp: "status" }).map(([name, call]) => [
        name,
        { [call]: async () => ({ data: answers[name] }) },
      ]),
    )
    hooks[dir] = await plugin.server({ directory: dir, worktree: dir, project: { id: "p" }, client }, options)
  },
  event: ({ dir, event }) => hooks[dir].event({ event }),
  // The same object goes to every instance, as in OpenCode.
  events: async ({ dirs, events }) => {
    for (const event of events) for (const dir of dirs) await hooks[dir].event({ event })
  },
  hook: ({ dir, hook, input, output }) => hooks[dir][hook](input, output),
  // What a plugin that comes after ours does: `put` replaces properties, `push` adds to the arrays that were shown.
  made: async ({ dir, hook, input, output, put, push = {} }) => {
    const shown = { ...output }
    await hooks[dir][hook](input, output)
    Object.assign(output, put)
    for (const [name, items] of Object.entries(push)) shown[name].push(...items)
  },
  odd: async ({ dir, what }) => {
    for (const [name, call] of Object.entries(hooks[dir])) {
      if (name === "dispose") continue
      await call(odd[what](), odd[what]())
      await call({ event: odd[what]() })
      await call({ event: { id: `evt_${name}`, type: "message.updated", properties: odd[what]() } })
    }
  },
  many: async ({ dir, count, bytes, session }) => {
    for (let at = 0; at < count; at++)
      hooks[dir].event({
        event: {
          id: `evt_many_${at}`,
          type: "todo.updated",
          properties: { sessionID: `${session}_${at % 3}`, todos: [{ content: "x".repeat(bytes) }] },
        },
      })
  },
  dispose: ({ dir }) => hooks[dir].dispose(),
  setup: async ({ dir, options, placed }) => (cleanups[dir] = await plugin.setup(context(dir, options, placed))),
  bare: () => plugin.setup({ app: {}, location: {} }),
  publish: async ({ events }) => {
    await sleep(20)
    for (const event of events) for (const put of subscribers) put(event)
    await sleep(20)
  },
  call2: async ({ name, event }) => {
    for (const hook of registered) if (hook.name === name) await hook.call(event)
  },
  cleanup: ({ dir }) => cleanups[dir](),
  sleep: ({ ms }) => sleep(ms),
}

for (const { do: what, ...rest } of steps) {
  const start = performance.now()
  try {
    await run[what](rest)
  } catch (error) {
    thrown.push(`${what}: ${error}`)
  }
  took.push([what, performance.now() - start])
}
console.log(JSON.stringify({ took, thrown, keys: Object.keys(plugin), heap: process.memoryUsage().heapUsed }))
