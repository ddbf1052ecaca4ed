// A Node program that exports over gRPC, with its own HTTP/2 and not grpcio's.
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

const exporter = new OTLPTraceExporter({ url: process.env.ENDPOINT, compression: process.env.COMPRESSION });
const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
provider.register();
const tracer = provider.getTracer("sdk-test");
tracer.startActiveSpan("root", (root) => {
  root.setAttribute("input.value", "my token is " + process.env.SECRET);
  for (let index = 0; index < 30; index++) tracer.startSpan("child").end();
  root.end();
});
await provider.shutdown();
