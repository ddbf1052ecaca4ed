// An OpenCode plugin: the agent does not read files that hold credentials.
const FORBIDDEN = /^\.env(\.[\w-]+)?$/

export const NoEnv = async () => ({
  "tool.execute.before": async (input, output) => {
    const name = String(output.args?.filePath ?? "").split(/[/\\]/).pop()
    if (input.tool === "read" && FORBIDDEN.test(name)) throw new Error(`no-env: read of ${name} is forbidden`)
  },
})
