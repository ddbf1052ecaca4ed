// The AI SDK 5 with its mock model: a tool call, its result, an answer; exported as any Node program would.
import { generateText, stepCountIs, tool } from "ai";
import { MockLanguageModelV2 } from "ai/test";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { z } from "zod";

const exporter = new OTLPTraceExporter({ url: process.env.COLLECTOR_TRACES });
const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
provider.register();
const usage = { inputTokens: 10, outputTokens: 5, totalTokens: 15 };
const steps = [
  [{ type: "tool-call", toolCallId: "call-1", toolName: "weather", input: '{"city":"Rome"}' }],
  [{ type: "text", text: "Sunny in Rome" }],
];
const model = new MockLanguageModelV2({
  provider: "openai.chat",
  modelId: "mock-gpt",
  doGenerate: async () => {
    const content = steps.shift();
    return { content, finishReason: content[0].type === "text" ? "stop" : "tool-calls", usage, warnings: [] };
  },
});
await generateText({
  model,
  prompt: "Weather in Rome?",
  stopWhen: stepCountIs(3),
  tools: {
    weather: tool({
      description: "Get weather",
      inputSchema: z.object({ city: z.string() }),
      execute: async ({ city }) => ({ city, sky: "clear" }),
    }),
  },
  experimental_telemetry: { isEnabled: true, functionId: "turn", metadata: { sessionId: "ses-5", userId: "u-5" } },
});
await provider.shutdown();
