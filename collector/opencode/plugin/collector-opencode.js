// Forwards what happens in OpenCode to the collector on this machine. Loads on OpenCode 1.x (`server`) and 2.x (`setup`).
//
//   events, hooks ─> whitelist ─> queue in memory ─> POST /v1/opencode/events ─> collector (redacts, keeps, assembles)
//
// What it promises OpenCode: it never throws, never waits for the network in a hook, never prints, never writes a file,
// never forwards provider options or headers. While the collector is away the newest events wait in a bounded queue;
// afterwards the sessions whose events were dropped are named, so that the collector reads them from OpenCode's store.
//
// Settings, later wins: COLLECTOR_PORT and COLLECTOR_ACCESS_TOKEN, then collector-opencode.json in OpenCode's global
// config directory, then the one beside this file's directory, then the options of the config entry: {"url", "token"}.
// `installToken`, written by `collector opencode install`, lets the collector believe which database this plugin names.
import { readFileSync } from "node:fs"
import { connect } from "node:net"
import { homedir } from "node:os"
import { isAbsolute, join } from "node:path"
import { connect as connectTls } from "node:tls"

const ID = "opencode-collector"
const PATH = "/v1/opencode/events"
const FLUSH_MS = 80 // what a `kill -9` of OpenCode may cost
const BATCH_BYTES = 512 * 1024
const QUEUE_BYTES = 16 * 1024 * 1024
const ANSWER_MS = 3000
const RETRY_MS = [250, 500, 1000, 2000] // the last one repeats
const REMEMBERED = 20000
const DISPOSE_MS = 900 // when the collector answers
const DISPOSE_HANGING_MS = 120 // when it does not
const HANGING_MS = 400 // unanswered for this long means it hangs
const ALIVE_MS = 5000

// ---------------------------------------------------------------- settings

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"))
  } catch {
    return {}
  }
}

function settings(options) {
  const env = process.env
  const config = env.OPENCODE_CONFIG_DIR || join(env.XDG_CONFIG_HOME || join(homedir(), ".config"), "opencode")
  const found = {
    url: `http://127.0.0.1:${/^\d+$/.test(env.COLLECTOR_PORT || "") ? env.COLLECTOR_PORT : 4318}`,
    token: env.COLLECTOR_ACCESS_TOKEN,
  }
  for (const layer of [
    readJson(join(config, `collector-opencode.json`)),
    readJson(new URL("../collector-opencode.json", import.meta.url)),
    options || {},
  ])
    for (const key of ["url", "token", "installToken"])
      if (typeof layer[key] === "string" && layer[key]) found[key] = layer[key]
  return found
}

// OpenCode's own store, so that the collector can read there what it missed.
function database() {
  const env = process.env
  if (env.OPENCODE_DB && isAbsolute(env.OPENCODE_DB)) return env.OPENCODE_DB
  return join(env.XDG_DATA_HOME || join(homedir(), ".local", "share"), "opencode", env.OPENCODE_DB || "opencode.db")
}

// A plugin in the global directory sees all projects; the collector may then read all of OpenCode's store.
const SCOPE = import.meta.url.includes("/.opencode/") ? "project" : "global"

// ---------------------------------------------------------------- one request

// A socket of our own: `fetch` would follow the proxies of the environment, also to this machine.
function post(target, body, done) {
  let answer = ""
  let settled = false
  let socket
  const settle = (status) => {
    if (settled) return
    settled = true
    clearTimeout(timer)
    try {
      socket && socket.destroy()
    } catch {}
    done(status)
  }
  const timer = setTimeout(settle, ANSWER_MS, 0)
  try {
    const url = new URL(target.url)
    const secure = url.protocol === "https:"
    const host = url.hostname.replace(/^\[|\]$/g, "")
    const port = Number(url.port) || (secure ? 443 : 80)
    socket = secure ? connectTls({ host, port, servername: host }) : connect({ host, port })
    socket.on("error", () => settle(0))
    socket.on("close", () => settle(0))
    socket.on("data", (data) => {
      answer += data.toString("latin1")
      const status = /^HTTP\/1\.[01] (\d{3})/.exec(answer)
      if (status && answer.includes("\r\n\r\n")) settle(Number(status[1]))
      else if (answer.length > 65536) settle(0)
    })
    const bytes = Buffer.from(body, "utf8")
    const header = (name, value) => (value ? `${name}: ${String(value).replace(/[^\x21-\x7e]/g, "")}\r\n` : "")
    const tokens = header("x-collector-token", target.token) + header("x-collector-install-token", target.installToken)
    socket.write(
      `POST ${url.pathname.replace(/\/$/, "")}${PATH} HTTP/1.1\r\nhost: ${url.host}\r\n` +
        `content-type: application/x-ndjson\r\ncontent-length: ${bytes.length}\r\n${tokens}connection: close\r\n\r\n`,
    )
    socket.write(bytes)
  } catch {
    settle(0)
  }
  return {
    since: Date.now(),
    ref: (on) => [timer, socket].forEach((it) => it && (on ? it.ref && it.ref() : it.unref && it.unref())),
  }
}

// ---------------------------------------------------------------- the queue

// One a process, however often and in how many directories the plugin is initialised.
class Forwarder {
  constructor() {
    this.queue = []
    this.bytes = 0
    this.dropped = new Map() // session -> events dropped
    this.hellos = new Map() // directory -> line
    this.ids = new Set()
    this.objects = new WeakSet()
    this.inFlight = null
    this.failures = 0
    this.answeredAt = 0
    this.timer = null
    this.waiting = []
    this.target = null
    this.options = null
    this.complete = false
  }

  // Whether an event or a hook's object comes here for the first time.
  isNew(id, object) {
    if (object && typeof object === "object") {
      if (this.objects.has(object)) return false
      this.objects.add(object)
    }
    if (id === undefined) return true
    if (this.ids.has(id)) return false
    this.ids.add(id)
    if (this.ids.size > REMEMBERED) this.ids.delete(this.ids.values().next().value)
    return true
  }

  hello(dir, input) {
    this.hellos.set(dir, { dir, hook: "__init__", input })
    this.add(dir, "__init__", input)
  }

  introduce() {
    this.complete = false
    for (const { dir, hook, input } of this.hellos.values()) this.add(dir, hook, input)
  }

  // `replaces` names something of which only the newest state counts while it waits here; what is `bulky` goes first
  // when there is no room: a conversation as sent to the model can be put together from its messages.
  add(dir, hook, input, output, session, { replaces, bulky, ts = Date.now() } = {}) {
    if (this.complete) this.introduce() // one directory is done, another goes on
    const text = JSON.stringify({ ts, pid: process.pid, dir, hook, input, output })
    if (replaces !== undefined) {
      for (let at = this.queue.length - 1; at >= 0 && at >= this.queue.length - 200; at--) {
        if (this.queue[at].replaces !== replaces) continue
        this.bytes -= this.queue[at].text.length
        this.queue.splice(at, 1)
        break
      }
    }
    this.queue.push({ text, session, replaces, bulky })
    this.bytes += text.length
    this.makeRoom()
    this.schedule(FLUSH_MS)
  }

  makeRoom() {
    if (this.bytes > QUEUE_BYTES)
      this.queue = this.queue.filter((item) => this.bytes <= QUEUE_BYTES || !item.bulky || this.drop(item))
    while (this.bytes > QUEUE_BYTES && this.queue.length > 1) this.drop(this.queue.shift())
  }

  drop(gone) {
    this.bytes -= gone.text.length
    const session = gone.session || ""
    this.dropped.set(session, (this.dropped.get(session) || 0) + 1)
  }

  schedule(ms) {
    if (this.timer || this.inFlight) return
    this.timer = setTimeout(
      () => {
        this.timer = null
        this.send()
      },
      this.failures ? RETRY_MS[Math.min(this.failures, RETRY_MS.length) - 1] : ms,
    )
    if (this.timer.unref) this.timer.unref()
  }

  send() {
    if (this.inFlight) return
    if (this.failures || !this.target) this.target = settings(this.options)
    const batch = this.take()
    if (!batch.length) return this.wake()
    this.inFlight = post(this.target, batch.map((item) => item.text).join("\n") + "\n", (status) => {
      this.inFlight = null
      this.answered(status, batch)
    })
    if (!this.waiting.length) this.inFlight.ref(false)
  }

  take() {
    if (this.dropped.size && !this.failures) this.nameDropped()
    let bytes = 0
    let count = 0
    while (count < this.queue.length && (count === 0 || bytes + this.queue[count].text.length <= BATCH_BYTES)) {
      // The first attempt after a failure is a small one: it finds out whether anyone is there.
      if (this.failures && count >= 50) break
      bytes += this.queue[count++].text.length
    }
    this.bytes -= bytes
    return this.queue.splice(0, count)
  }

  // What is missing of what this process saw; `complete` when it says so for the last time.
  nameDropped(complete) {
    const sessions = Object.fromEntries([...this.dropped].filter(([session]) => session))
    this.dropped.clear()
    const text = JSON.stringify({
      ts: Date.now(),
      pid: process.pid,
      hook: "collector.dropped",
      input: { sessions, complete, database: database() },
    })
    if (complete) this.queue.push({ text })
    else this.queue.unshift({ text })
    this.bytes += text.length
  }

  answered(status, batch) {
    if (status > 0) this.answeredAt = Date.now()
    // 2xx: kept. 400, 413, 415: the same bytes will be refused again. All else: later.
    if ((status >= 200 && status < 300) || status === 400 || status === 413 || status === 415) {
      if (status >= 400) this.refused(status, batch)
      if (this.failures) {
        this.failures = 0
        this.introduce()
      }
    } else {
      this.failures++
      this.queue.unshift(...batch)
      for (const item of batch) this.bytes += item.text.length
      this.makeRoom()
    }
    if (this.waiting.length && !this.failures) return this.send()
    if (this.queue.length) this.schedule(this.bytes > BATCH_BYTES ? 0 : FLUSH_MS)
    if (!this.queue.length || this.failures) this.wake()
  }

  refused(status, batch) {
    if (status === 413 && batch.length > 1) {
      const half = batch.length >> 1
      this.queue.unshift(...batch)
      for (const item of batch) this.bytes += item.text.length
      const first = this.queue.splice(0, half)
      for (const item of first) this.bytes -= item.text.length
      this.inFlight = post(this.target, first.map((item) => item.text).join("\n") + "\n", (again) => {
        this.inFlight = null
        this.answered(again, first)
      })
      return
    }
    for (const item of batch)
      if (item.session) this.dropped.set(item.session, (this.dropped.get(item.session) || 0) + 1)
  }

  wake() {
    for (const resolve of this.waiting.splice(0)) resolve()
  }

  // Send what waits: nearly a second for a collector that answers, a moment for one that hangs.
  async flush() {
    this.nameDropped(true)
    this.complete = true
    const hangs = this.failures > 0 || (this.inFlight && Date.now() - this.inFlight.since > HANGING_MS)
    const alive = Date.now() - this.answeredAt < ALIVE_MS
    let timer
    const limit = new Promise((resolve) => {
      timer = setTimeout(resolve, alive && !hangs ? DISPOSE_MS : DISPOSE_HANGING_MS)
    })
    const sent = new Promise((resolve) => this.waiting.push(resolve))
    clearTimeout(this.timer)
    this.timer = null
    if (this.inFlight) this.inFlight.ref(true)
    else this.send()
    await Promise.race([sent, limit])
    clearTimeout(timer)
    if (this.inFlight) this.inFlight.ref(false)
  }
}

function forwarder() {
  return (globalThis[Symbol.for(`${ID}/1`)] ??= new Forwarder())
}

// ---------------------------------------------------------------- whitelists

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value)

function pick(value, keys) {
  if (!isObject(value)) return undefined
  const found = {}
  for (const key of keys) if (value[key] !== undefined) found[key] = value[key]
  return found
}

const words = (text) => text.split(" ")
const IDS = words("id sessionID messageID partID requestID callID parentID")
const SESSION = words("id slug version projectID directory path parentID title agent model cost tokens time")
const REVERT = words("messageID partID")
const MESSAGE = words(
  "id parentID sessionID role mode agent model variant path cost tokens modelID providerID time finish structured",
)
const PART = words(
  "id messageID sessionID type text synthetic ignored time mime filename tool callID reason snapshot tokens cost hash files" +
    " auto overflow prompt description agent command model attempt name tail_start_id",
)
const STATE = words("status input output title error time")
const MODEL = words("id providerID name cost limit variant")
const ERROR = words("message statusCode isRetryable responseBody providerID ref")
const ASKED = words(
  "id sessionID permission type title pattern patterns metadata always tool messageID callID time requestID permissionID reply response questions answers",
)
// Of a provider's options only what says how the model was asked: the rest may hold keys.
const PARAMS = words(
  "temperature topP topK maxOutputTokens maxTokens stop frequencyPenalty presencePenalty seed stopSequences reasoningEffort reasoning_effort reasoningSummary textVerbosity verbosity effort serviceTier parallelToolCalls toolChoice",
)
const MEDIA = words("text image pdf audio video")
const THINKING = words(
  "type budgetTokens budget_tokens thinkingBudget thinkingLevel includeThoughts effort enabled max_tokens",
)

const error = (value) =>
  isObject(value) && { name: value.name, data: pick(value.data, ERROR), ...pick(value, words("message type")) }

// What a turn changed stands in its user message; in the history of later requests it would only be repeated.
function message(info, recalled) {
  if (!isObject(info)) return undefined
  const found = pick(info, MESSAGE)
  if (info.error) found.error = error(info.error)
  if (isObject(info.summary)) {
    found.summary = pick(info.summary, words("title body"))
    if (!recalled && Array.isArray(info.summary.diffs))
      found.summary.diffs = info.summary.diffs.map((file) => pick(file, words("file additions deletions status patch")))
  } else if (info.summary !== undefined) found.summary = info.summary
  return found
}

function session(info) {
  if (!isObject(info)) return undefined
  return { ...pick(info, SESSION), ...(info.revert ? { revert: pick(info.revert, REVERT) } : {}) }
}

// A file's content is no trace: its kind and size are.
function url(value) {
  if (typeof value !== "string" || !value.startsWith("data:")) return { url: value }
  const comma = value.indexOf(",")
  const body = value.length - comma - 1
  const padding = value.endsWith("==") ? 2 : value.endsWith("=") ? 1 : 0
  return {
    url: value.slice(0, comma + 1),
    size: value.slice(0, comma).endsWith(";base64") ? Math.floor((body * 3) / 4) - padding : body,
  }
}

function part(value) {
  if (!isObject(value)) return undefined
  const found = pick(value, PART)
  if (value.error) found.error = error(value.error)
  if (value.type === "file") Object.assign(found, url(value.url), { source: pick(value.source, words("type path")) })
  if (isObject(value.metadata) && value.metadata.compaction_continue) found.metadata = { compaction_continue: true }
  if (isObject(value.state)) {
    found.state = pick(value.state, STATE)
    const metadata = value.state.metadata
    // What a running command has printed so far comes again, whole, when it has ended.
    if (isObject(metadata))
      found.state.metadata =
        value.state.status === "running"
          ? pick(metadata, words("sessionId sessionID parentSessionId parentSessionID model background"))
          : metadata
    if (Array.isArray(value.state.attachments))
      found.state.attachments = value.state.attachments.map((file) => ({
        ...pick(file, words("id type mime filename")),
        ...url(file && file.url),
      }))
  }
  return found
}

// Each known event of OpenCode 1 and what of it goes out; of other events of a session only the ids.
const EVENTS1 = {
  "session.created": (p) => ({ sessionID: p.sessionID, info: session(p.info) }),
  "session.updated": (p) => ({ sessionID: p.sessionID, info: session(p.info) }),
  "session.deleted": (p) => ({ sessionID: p.sessionID, info: session(p.info) }),
  "session.status": (p) => ({ sessionID: p.sessionID, status: pick(p.status, words("type attempt message next")) }),
  "session.error": (p) => ({ sessionID: p.sessionID, error: error(p.error) }),
  "message.updated": (p) => ({ sessionID: p.sessionID, info: message(p.info) }),
  "message.part.updated": (p) => ({ sessionID: p.sessionID, part: part(p.part), time: p.time }),
  "todo.updated": (p) => pick(p, words("sessionID todos")),
  "command.executed": (p) => pick(p, words("name sessionID arguments messageID")),
  "file.edited": (p) => pick(p, ["file"]),
}

const WANTED1 = /^(session(?!\.diff)|message|permission|question|todo|command|file\.edited|server\.instance\.disposed)/

function fields1(type, properties) {
  if (EVENTS1[type]) return EVENTS1[type](properties)
  return pick(properties, /^(permission|question)\./.test(type) ? ASKED : [...IDS, "field", "directory"])
}

const sessionOf = (p) =>
  p.sessionID ||
  (isObject(p.info) && (p.info.sessionID || p.info.id)) ||
  (isObject(p.part) && p.part.sessionID) ||
  undefined

function params(output) {
  const found = pick(output, words("temperature topP topK maxOutputTokens"))
  const options = output && output.options
  if (isObject(options)) {
    found.options = pick(options, PARAMS)
    for (const key of ["thinking", "thinkingConfig", "reasoning"])
      if (isObject(options[key])) found.options[key] = pick(options[key], THINKING)
  }
  return found
}

const agentOf = (agent) => (isObject(agent) ? pick(agent, words("name mode")) : agent)
const takes = (capabilities) => (isObject(capabilities) ? { input: pick(capabilities.input, MEDIA) } : undefined)
const modelOf = (model) => pick(model, [...MODEL, "modelID"])

// A tool's parameters as JSON schema. OpenCode shows the object of its validation library here: Effect's, or zod's.
function schema(value, depth = 0) {
  if (!value || typeof value !== "object" || depth > 8) return {}
  if (value.ast) return effectSchema(value.ast, depth)
  if (value["~effect/Schema"]) return effectSchema(value, depth)
  if (value._zod || value._def || value.def) return zodSchema(value, depth)
  return typeof value.type === "string" || isObject(value.properties) || value.$ref || value.anyOf ? value : {}
}

function objectSchema(properties, required) {
  return { type: "object", properties, ...(required.length ? { required } : {}) }
}

function effectSchema(ast, depth) {
  const described =
    isObject(ast.annotations) && ast.annotations.description ? { description: ast.annotations.description } : {}
  const of = (inner) => schema(inner, depth + 1)
  switch (ast._tag) {
    case "String":
    case "Boolean":
      return { type: ast._tag.toLowerCase(), ...described }
    case "Number":
      return { type: JSON.stringify(ast.checks || []).includes('"isInt"') ? "integer" : "number", ...described }
    case "Literal":
      return { const: ast.literal, ...described }
    case "Arrays":
      return { type: "array", items: of(ast.rest && ast.rest[0]), ...described }
    case "Union": {
      const types = (ast.types || []).filter((type) => type._tag !== "Undefined")
      if (types.length && types.every((type) => type._tag === "Literal"))
        return { enum: types.map((type) => type.literal), ...described }
      return { ...(types.length === 1 ? of(types[0]) : { anyOf: types.map(of) }), ...described }
    }
    case "Objects": {
      const fields = ast.propertySignatures || []
      const optional = (type) => !!(type.context && type.context.isOptional)
      return {
        ...objectSchema(
          Object.fromEntries(fields.map(({ name, type }) => [name, of(type)])),
          fields.filter(({ type }) => !optional(type)).map(({ name }) => name),
        ),
        ...described,
      }
    }
  }
  return described
}

function zodSchema(value, depth) {
  const def = value.def || value._def || (value._zod && value._zod.def) || {}
  const described = { ...(typeof value.meta === "function" ? value.meta() : {}) }
  if (typeof value.description === "string") described.description = value.description
  const of = (inner) => schema(inner, depth + 1)
  switch (def.type) {
    case "string":
    case "boolean":
    case "number":
      return { type: def.type, ...described }
    case "literal":
      return { enum: def.values, ...described }
    case "enum": {
      const values = Object.values(def.entries || {})
      return { ...(values.every((it) => typeof it === "string") ? { type: "string" } : {}), enum: values, ...described }
    }
    case "array":
      return { type: "array", items: of(def.element), ...described }
    case "union":
      return { anyOf: (def.options || []).map(of), ...described }
    case "default":
      return { default: def.defaultValue, ...of(def.innerType), ...described }
    case "object": {
      const shape = Object.entries(def.shape || {})
      const optional = (field) => (field.def || field._def || {}).type === "optional"
      return {
        ...(depth ? {} : { $schema: "https://json-schema.org/draft/2020-12/schema" }),
        ...objectSchema(
          Object.fromEntries(shape.map(([name, field]) => [name, of(field)])),
          shape.filter(([, field]) => !optional(field)).map(([name]) => name),
        ),
        additionalProperties: false,
        ...described,
      }
    }
  }
  return def.innerType ? { ...of(def.innerType), ...described } : described
}

// Each hook of OpenCode 1 that is forwarded: what of its input and of its output.
const HOOKS1 = {
  "chat.message": [
    (i) => ({ ...pick(i, words("sessionID messageID variant")), agent: agentOf(i.agent), model: modelOf(i.model) }),
    (o) => ({ message: message(o.message) }),
  ],
  "chat.params": [
    (i) => ({
      sessionID: i.sessionID,
      agent: agentOf(i.agent),
      model: {
        ...modelOf(i.model),
        api: pick(i.model && i.model.api, words("id npm")),
        capabilities: takes(i.model && i.model.capabilities),
      },
      provider: pick(i.provider, ["id"]),
      message: {
        ...pick(i.message, words("id sessionID agent variant time")),
        format: pick(i.message && i.message.format, ["type"]),
      },
    }),
    params,
  ],
  "experimental.chat.system.transform": [
    (i) => ({ sessionID: i.sessionID, model: modelOf(i.model) }),
    (o) => pick(o, ["system"]),
  ],
  "experimental.chat.messages.transform": [() => ({}), (o) => ({ messages: history(o.messages) })],
  "tool.execute.before": [(i) => pick(i, words("tool sessionID callID")), () => undefined],
  "tool.execute.after": [(i) => pick(i, words("tool sessionID callID")), () => undefined],
  "command.execute.before": [(i) => pick(i, words("command sessionID arguments")), () => undefined],
  "experimental.session.compacting": [(i) => pick(i, ["sessionID"]), () => undefined],
  "experimental.compaction.autocontinue": [(i) => pick(i, words("sessionID agent overflow")), () => undefined],
}

const history = (messages) =>
  Array.isArray(messages)
    ? messages.map((item) => ({
        info: message(item && item.info, true),
        parts: ((item && item.parts) || []).map(part),
      }))
    : []

// ---------------------------------------------------------------- the tools a model is offered (OpenCode 1)

const SIDE_AGENTS = words("title summary compaction") // they are offered none
const EDITS = words("edit write apply_patch patch multiedit")
const LOOKUP_MS = 30000 // nothing waits for it

function matches(name, pattern) {
  const expression = String(pattern)
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replace(/\*/g, ".*")
    .replace(/\?/g, ".")
  return new RegExp(`^${expression}$`, "s").test(name)
}

const within = (promise) => Promise.race([promise, new Promise((resolve) => setTimeout(resolve, LOOKUP_MS).unref?.())])

// No hook shows the list that goes out with a request. OpenCode's own list of tools has them as they are sent; which of
// them are sent is decided by the permissions of agent and session, and by the prompt. Where that cannot be known, because
// a server of the Model Context Protocol adds its own, nothing is said.
class Offers {
  constructor(client, directory) {
    this.client = client
    this.query = { directory }
    this.rules = new Map() // session -> its permissions
    this.definitions = new Map() // tool -> as the hook defined it last
    this.known = new Map() // what was asked -> the promise of its answer
  }

  ask(key, call) {
    if (!this.known.has(key)) {
      if (this.known.size > 100) this.known.clear()
      const answer = within(call()).then((found) => found && found.data)
      const forget = () => this.known.delete(key)
      answer.then((data) => data === undefined && forget(), forget)
      this.known.set(key, answer)
    }
    return this.known.get(key)
  }

  define(tool, output) {
    this.definitions.set(tool, {
      description: output.description,
      parameters: schema(output.jsonSchema || output.parameters),
    })
  }

  async of({ sessionID, agent: name, model, message = {} }) {
    const { client, query } = this
    const provider = model.providerID
    const [tools, agents, servers] = await Promise.all([
      this.ask(`tools ${provider} ${model.id}`, () =>
        client.tool.list({ query: { ...query, provider, model: model.id } }),
      ),
      this.ask("agents", () => client.app.agents({ query })),
      this.ask(`mcp ${message.id}`, () => client.mcp.status({ query })),
    ])
    const agent = Array.isArray(agents) && agents.find((it) => it.name === agentName(name))
    if (!Array.isArray(tools) || !agent || !Array.isArray(agent.permission) || !isObject(servers)) return undefined
    if (Object.values(servers).some((server) => server && server.status === "connected")) return undefined
    const own = this.rules.get(sessionID) || []
    const offered = tools
      .filter(({ id }) => id !== "invalid" && !(message.tools && message.tools[id] === false))
      .filter(({ id }) => !denied(EDITS.includes(id) ? "edit" : id, [...agent.permission, ...own]))
      .map((tool) => this.tool(tool, agent, agents))
    if (isObject(message.format) && message.format.type === "json_schema") {
      const { $schema, ...parameters } = message.format.schema || {}
      offered.push({ name: "StructuredOutput", parameters })
    }
    return offered
  }

  tool({ id, description, parameters }, agent, agents) {
    const defined = this.definitions.get(id) || {}
    const found = { name: id, description: description || defined.description }
    if (isObject(parameters) && parameters.type === "object") found.parameters = parameters
    else if (defined.parameters) found.parameters = defined.parameters
    // The list is the default agent's: another may be allowed other subagents.
    const allowed = (name) => lastRule(agent.permission, "task", name)?.action !== "deny"
    const named = (name) => String(description).includes(`- ${name}:`)
    if (id === "task" && agents.some((it) => it.mode !== "primary" && allowed(it.name) !== named(it.name)))
      delete found.description
    return found
  }
}

const agentName = (agent) => (isObject(agent) ? agent.name : agent)

function lastRule(rules, permission, subject) {
  return rules.findLast(
    (rule) => matches(permission, rule.permission) && (subject === undefined || matches(subject, rule.pattern)),
  )
}

function denied(permission, rules) {
  const rule = lastRule(rules, permission)
  return !!rule && rule.pattern === "*" && rule.action === "deny"
}

// ---------------------------------------------------------------- OpenCode 1

function quietly(run) {
  return async (...args) => {
    try {
      run(...args)
    } catch {
      // A hook that throws would end the user's turn.
    }
  }
}

function onEvent1(to, dir, event, streamed) {
  const properties = event.properties || {}
  if (!WANTED1.test(event.type) || !to.isNew(event.id, event)) return
  let replaces
  if (event.type === "message.part.delta") {
    // Deltas tell when the first token came; text is taken from whole parts.
    if (streamed.has(properties.partID)) return
    if (streamed.size > REMEMBERED) streamed.clear()
    streamed.add(properties.partID)
  } else if (typeof properties.delta === "string" && properties.part) {
    replaces = streamed.has(properties.part.id) ? properties.part.id : undefined
    streamed.add(properties.part.id)
  }
  const out = { id: event.id, type: event.type, properties: fields1(event.type, properties) }
  to.add(dir, "event", out, undefined, sessionOf(properties), { replaces })
}

// What a request is made of may still be changed by plugins that come after this one: it is read when the request leaves,
// under the time its hook was called at. Of messages and system prompts OpenCode sends the arrays it showed first,
// whatever a plugin puts in their place.
const MADE = {
  "experimental.chat.messages.transform": (output) => ({ messages: output.messages }),
  "experimental.chat.system.transform": (output) => ({ system: output.system }),
  "chat.params": (output) => output,
}
const LEAVES = "chat.headers" // the last hook before a request; the headers themselves are not looked at
const LATEST_MS = 1000 // where no request follows, or a version has no such hook

class Requests {
  constructor() {
    this.held = []
  }

  hold(hook, session, agent, tell) {
    const item = { hook, session, agent, tell: quietly(tell) }
    item.timer = setTimeout(() => this.release(item), LATEST_MS)
    if (item.timer.unref) item.timer.unref()
    this.held.push(item)
  }

  release(item) {
    clearTimeout(item.timer)
    const at = this.held.indexOf(item)
    if (at < 0) return
    this.held.splice(at, 1)
    item.tell()
  }

  // A request of `agent` leaves; calls for a title run beside it, and are made of no history.
  leave(session, agent) {
    for (const hook of Object.keys(MADE)) {
      if (hook === "experimental.chat.messages.transform" && SIDE_AGENTS.includes(agent)) continue
      const mine = (it) => it.hook === hook && it.session === session && (it.agent === undefined || it.agent === agent)
      const item = this.held.find(mine)
      if (item) this.release(item)
    }
  }

  releaseAll() {
    for (const item of [...this.held]) this.release(item)
  }
}

function onHook1(to, dir, requests, hook, input, output, ts) {
  if (!to.isNew(undefined, output)) return
  const [ofInput, ofOutput] = HOOKS1[hook]
  const messages = hook === "experimental.chat.messages.transform" && output && output.messages
  const session =
    (input && input.sessionID) || (messages && messages[0] && messages[0].info && messages[0].info.sessionID)
  const bulky = hook.startsWith("experimental.chat.")
  const given = ofInput(input || {})
  const made = (MADE[hook] || ((it) => it))(output || {})
  const tell = () => to.add(dir, hook, given, ofOutput(made), session, { bulky, ts })
  // Up to 1.0 a system prompt says no session, and belongs to the next request.
  if (MADE[hook] && session) requests.hold(hook, session, input && input.agent && agentName(input.agent), tell)
  else tell()
}

// The tools of a request follow it, with its time, as soon as they are known.
function offer(to, dir, offers, input, ts) {
  if (SIDE_AGENTS.includes(agentName(input.agent))) return
  offers.of(input).then(
    (tools) => {
      const about = { sessionID: input.sessionID, agent: agentOf(input.agent) }
      if (tools) to.add(dir, "chat.tools", about, { tools }, input.sessionID, { bulky: true, ts })
    },
    () => {},
  )
}

async function server(context, options) {
  try {
    const to = forwarder()
    if (options) to.options = options
    const dir = context.directory
    const streamed = new Set()
    const offers = new Offers(context.client, dir)
    const requests = new Requests()
    to.hello(dir, {
      plugin: ID,
      scope: SCOPE,
      directory: dir,
      worktree: context.worktree,
      project: pick(context.project, words("id worktree vcs")),
      database: database(),
    })
    const hooks = {
      event: quietly(({ event }) => {
        onEvent1(to, dir, event, streamed)
        const info = event.properties && event.properties.info
        if (/^session\.(created|updated)$/.test(event.type) && isObject(info))
          offers.rules.set(info.id, info.permission)
      }),
      dispose: async () => {
        try {
          requests.releaseAll()
          await to.flush()
        } catch {}
      },
    }
    for (const hook of Object.keys(HOOKS1))
      hooks[hook] = quietly((input, output) => {
        const ts = Date.now()
        onHook1(to, dir, requests, hook, input, output, ts)
        if (hook === "chat.params") offer(to, dir, offers, input, ts)
      })
    hooks[LEAVES] = quietly((input) => requests.leave(input.sessionID, agentName(input.agent)))
    hooks["tool.definition"] = quietly((input, output) => offers.define(input.toolID, output))
    return hooks
  } catch {
    return {}
  }
}

// ---------------------------------------------------------------- OpenCode 2

const EVENTS2 = /^(session|permission|form|shell)\.|^location\.shutdown$/
const UNWANTED2 = /^session\.(viewed|metadata\.updated|permissions)$/
// `native` is the provider's own state; `headers` and permissions have no place in a trace.
const DATA2 = new Set(
  words(
    "sessionID messageID inboxID inputID requestID assistantMessageID id callID parentID projectID location subpath slug title agent model" +
      " version boundary previous item input delivery error reason snapshot started finish rawFinish cost tokens files text ordinal name" +
      " executed content metadata attempt at summary recent description shell output action resources save source message reply form answer" +
      " info status prompt structured result revert to exit outcome timestamp",
  ),
)
const PROMPTS2 = /^session\.(inbox|input|prompt|synthetic)/
const PROMPT_LEVELS = words("item input payload data prompt")
const ERROR2 = words("type message status response retryAfterMs name")

function data2(type, data) {
  const found =
    pick(
      data,
      Object.keys(data || {}).filter((key) => DATA2.has(key)),
    ) || {}
  if (isObject(found.error)) {
    found.error = pick(found.error, ERROR2)
    if (found.error.response) found.error.response = pick(found.error.response, ["body"])
  }
  if (Array.isArray(found.content))
    found.content = found.content.map((item) =>
      isObject(item) && (item.uri || item.url || item.data || item.source) ? file2(item) : item,
    )
  return PROMPTS2.test(type) ? prompt2(found, 0) : found
}

// A prompt with what of its files is no content, wherever a version of OpenCode keeps them in it.
function prompt2(value, depth) {
  if (!isObject(value) || depth > 3) return value
  const found = { ...value }
  for (const key of PROMPT_LEVELS) if (isObject(found[key])) found[key] = prompt2(found[key], depth + 1)
  if (Array.isArray(found.files)) found.files = found.files.map(file2)
  return found
}

function file2(file) {
  if (!isObject(file)) return undefined
  const found = pick(file, words("type mime mediaType name filename path size"))
  const source = isObject(file.source) ? file.source : {}
  const uri = [file.uri, file.url, source.uri].find((it) => typeof it === "string")
  if (uri !== undefined) found.uri = url(uri).url
  const size = [url(uri).size, sizeOf(file.data), sizeOf(source.data)].find((it) => it !== undefined)
  if (size !== undefined) found.size = size
  return found
}

// The size of a content that is base64, a data URL or bytes.
function sizeOf(data) {
  if (typeof data === "string") return url(data).size ?? url(`data:;base64,${data}`).size
  return data && data.byteLength
}

function onEvent2(to, dir, event, streamed) {
  const type = event.type || ""
  if (!EVENTS2.test(type) || UNWANTED2.test(type) || !to.isNew(event.id, event)) return
  const data = event.data || {}
  if (type.endsWith(".delta") || type === "session.tool.progress") {
    const key = `${type} ${data.assistantMessageID} ${data.ordinal ?? data.id ?? data.callID} ${type.endsWith(".delta") ? "" : JSON.stringify(pick(data.metadata, words("sessionID sessionId shellID status")))}`
    if (streamed.has(key)) return
    if (streamed.size > REMEMBERED) streamed.clear()
    streamed.add(key)
  }
  const out = {
    ...pick(event, words("id created type durable")),
    location: pick(event.location, words("directory workspaceID")),
    data: data2(type, data),
  }
  if (type === "session.tool.progress")
    out.data.metadata = pick(data.metadata, words("sessionID sessionId shellID status"))
  to.add(
    (event.location && event.location.directory) || dir,
    "event",
    out,
    undefined,
    data.sessionID || (isObject(data.form) ? data.form.sessionID : undefined),
  )
}

const tools2 = (tools) =>
  isObject(tools)
    ? Object.fromEntries(Object.entries(tools).map(([name, tool]) => [name, pick(tool, words("description input"))]))
    : undefined
const system2 = (system) =>
  Array.isArray(system) ? system.map((item) => (isObject(item) ? pick(item, words("type text")) : item)) : system

// Messages of the model library: what is said and called, never the provider's state, and of a file its size.
function messages2(messages) {
  return (Array.isArray(messages) ? messages : []).map((item) => ({
    ...pick(item, words("id role")),
    content: Array.isArray(item && item.content) ? item.content.map(content2) : item && item.content,
  }))
}

function content2(value) {
  if (!isObject(value)) return value
  const found = pick(
    value,
    words("type text id name input args output result content toolName toolCallId mediaType mime filename"),
  )
  const media = isObject(value.media) ? value.media : {}
  const source = isObject(media.source) ? media.source : {}
  if (media.mediaType) found.mediaType = media.mediaType
  const data = [value.data, value.image, value.url, value.uri, source.data].find(
    (it) => typeof it === "string" || (it && it.byteLength),
  )
  if (data) found.size = sizeOf(data)
  return found
}

const request2 = (event) => ({
  ...pick(event, words("sessionID messageID kind attempt")),
  agent: agentOf(event.agent),
  model: modelOf(event.model),
})

// Hooks of OpenCode 2: domain, name, what of the one mutable event goes out as input and as output.
const HOOKS2 = [
  [
    "session",
    "context",
    request2,
    (e) => ({
      system: system2(e.system),
      messages: messages2(e.messages),
      options: params({ options: e.options }).options,
      generation: params(e.generation),
      tools: tools2(e.tools),
    }),
  ],
  ["session", "title", request2, (e) => ({ system: system2(e.system) })],
  ["session", "compaction", request2, (e) => ({ system: system2(e.system) })],
  [
    "session",
    "retry",
    (e) => ({ ...request2(e), error: pick(e.error, ERROR2) }),
    (e) => ({ decision: pick(e.decision, words("retry delay")) }),
  ],
  ["tool", "execute.before", (e) => pick(e, words("sessionID agent messageID id tool")), () => undefined],
  ["tool", "execute.after", (e) => pick(e, words("sessionID agent messageID id tool status")), () => undefined],
]

async function follow(ctx, to, dir, streamed, seen, signal) {
  for (let pause = 100; !signal.aborted; pause = Math.min(pause * 2, 5000)) {
    try {
      for await (const event of ctx.event.subscribe({ signal })) {
        if (signal.aborted) return
        try {
          seen(event.location && event.location.directory)
          onEvent2(to, dir, event, streamed)
        } catch {}
        pause = 100
      }
    } catch {}
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, pause)
      if (timer.unref) timer.unref()
      signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true })
    })
  }
}

async function setup(ctx) {
  try {
    // 1.18 already calls `setup` beside `server`, with a context that has no events.
    if (!isObject(ctx.event) || typeof ctx.event.subscribe !== "function") return () => {}
    const to = forwarder()
    if (isObject(ctx.options) && Object.keys(ctx.options).length) to.options = ctx.options
    const location = ctx.location || {}
    const dir = location.directory
    const abort = new AbortController()
    const streamed = new Set()
    const hello = (directory) =>
      to.hello(directory, {
        plugin: ID,
        scope: SCOPE,
        directory,
        app: pick(ctx.app, words("name version channel")),
        project: pick(location.project, words("id directory")),
        database: database(),
      })
    if (dir) hello(dir)
    // Where a version does not say where it runs, its events do.
    const seen = (directory) => !dir && directory && !to.hellos.has(directory) && hello(directory)
    const following = follow(ctx, to, dir, streamed, seen, abort.signal)
    for (const [domain, name, ofInput, ofOutput] of HOOKS2) {
      try {
        const registered = ctx[domain].hook(name, async (event) => {
          try {
            to.add(dir, `${domain}.${name}`, ofInput(event), ofOutput(event), event.sessionID, {
              bulky: name === "context",
            })
          } catch {}
        })
        if (registered && registered.catch) registered.catch(() => {})
      } catch {}
    }
    return async () => {
      try {
        abort.abort()
        await Promise.race([following, new Promise((resolve) => setTimeout(resolve, 50))])
        await to.flush()
      } catch {}
    }
  } catch {
    return () => {}
  }
}

export default { id: ID, server, setup }
