// The AI SDK 7 with its mock model and its OpenTelemetry integration, which writes the GenAI conventions.
import { OpenTelemetry } from "@ai-sdk/otel";
import { generateText, isStepCount, registerTelemetry, stepCountIs, tool } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { z } from "zod";

const exporter = new OTLPTraceExporter({ url: process.env.COLLECTOR_TRACES });
const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
provider.register();
registerTelemetry(new OpenTelemetry());
const usage = {
  inputTokens: { total: 10, noCache: 10, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 5, text: 5, reasoning: undefined },
};
const steps = [
  [{ type: "tool-call", toolCallId: "call-1", toolName: "weather", input: '{"city":"Rome"}' }],
  [{ type: "text", text: "Sunny in Rome" }],
];
const model = new MockLanguageModelV4({
  provider: "openai.responses",
  modelId: "gpt-5",
  doGenerate: async () => {
    const content = steps.shift();
    const unified = content[0].type === "text" ? "stop" : "tool-calls";
    return { content, finishReason: { unified, raw: unified }, usage, warnings: [] };
  },
});
await generateText({
  model,
  instructions: "Be brief",
  prompt: "Weather in Rome?",
  stopWhen: (isStepCount ?? stepCountIs)(3),
  tools: {
    weather: tool({
      description: "Get weather",
      inputSchema: z.object({ city: z.string() }),
      execute: async ({ city }) => ({ city, sky: "clear" }),
    }),
  },
  telemetry: { isEnabled: true, functionId: "turn" },
});
await provider.shutdown();
