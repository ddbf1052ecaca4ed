"""The parts of a message that are no tool call: text, reasoning, images, sound, files."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote

from collector.openinference.messages import UNKNOWN, Content
from collector.otlp.sloppy_json import CUT
from collector.otlp.values import Value, to_text

_TEXTS = {"text", "input_text", "output_text", "refusal", "summary_text", "compaction"}
_TEXT_MEMBERS_IN_ORDER = ("text", "content", "refusal")
_TEXT_MEMBERS = frozenset(_TEXT_MEMBERS_IN_ORDER)
_REASONING = {"reasoning", "thinking", "redacted_thinking", "redacted_reasoning"}


def read_content(part: dict[str, Value], kind: str) -> Content:
    """One part as OpenInference's content; what has no place there is `UNKNOWN`."""
    if kind in _REASONING or part.get("thought") is True or "reasoningContent" in part:
        return _reasoning(part)
    if not kind and isinstance(part.get("reasoning"), str):  # Genkit
        return _reasoning(part)
    if (kind in _TEXTS and not _TEXT_MEMBERS.isdisjoint(part)) or (not kind and isinstance(part.get("text"), str)):
        return {"type": "text", "text": _first(part, *_TEXT_MEMBERS_IN_ORDER)}
    url, mime = _resource(part, kind)
    if url:
        return _media(url, mime or kind, part)
    if _is_cut(part):
        return {"type": "text", "text": CUT}
    return {"type": UNKNOWN, "text": to_text(part)}


def _is_cut(part: dict[str, Value]) -> bool:
    """Whether the sender cut a part off before anything but its type was said."""
    kind, said = part.get("type"), [value for key, value in part.items() if key != "type"]
    is_half_type = isinstance(kind, str) and kind.endswith(CUT)
    return all(value == CUT for value in said) and (is_half_type or bool(said))


def _first(part: dict[str, Value], *keys: str) -> str:
    for key in keys:
        value = part.get(key)
        if isinstance(value, bytes):  # in a log record's body, which is no JSON
            return b64encode(value).decode()
        if value is not None:
            return to_text(value)
    return ""


def _reasoning(part: dict[str, Value]) -> Content:
    inner = part.get("reasoningContent")
    if isinstance(inner, dict):
        text = inner.get("reasoningText")
        part = text if isinstance(text, dict) else inner
    content: Content = {"type": "reasoning"}
    summary = part.get("summary")
    if isinstance(summary, list):
        texts = [_first(item, "text") if isinstance(item, dict) else to_text(item) for item in summary]
        content["text"] = "\n".join(texts)
    else:
        content["text"] = _first(part, "content", "text", "thinking", "reasoning")
    if signature := part.get("signature") or part.get("thoughtSignature"):
        content["signature"] = to_text(signature)
    if encrypted := part.get("encrypted_content") or (part.get("data") if not content["text"] else None):
        content["encrypted_content"] = to_text(encrypted)
    return {key: value for key, value in content.items() if value != ""}


def _resource(part: dict[str, Value], kind: str) -> tuple[str, str]:
    """The address (often a data URL) of an image, sound, video or document, and its media type; "" for none."""
    mime = _first(part, "mime_type", "mimeType", "mediaType", "media_type")
    if kind in ("image_url", "input_image") and "image_url" in part:
        image = part["image_url"]
        return (_first(image, "url") if isinstance(image, dict) else to_text(image)), "image"
    if kind == "input_audio":
        audio = part.get("input_audio")
        if isinstance(audio, dict):
            return _data_url(_first(audio, "data"), f"audio/{_first(audio, 'format') or 'wav'}"), "audio"
    if kind == "uri" or kind.endswith("_url"):
        return _first(part, "uri", "url"), mime or _first(part, "modality") or kind.removesuffix("_url")
    if kind in ("blob", "binary", "media"):
        mime = mime or _first(part, "modality")
        return _data_url(_first(part, "content", "data", "url", "binary_content"), mime), mime
    for key in ("inlineData", "inline_data", "fileData", "file_data"):
        inner = part.get(key)
        if isinstance(inner, dict):
            mime = _first(inner, "mimeType", "mime_type")
            return _first(inner, "fileUri", "file_uri") or _data_url(_first(inner, "data"), mime), mime
    media = part.get("media")
    if isinstance(media, dict):  # Genkit
        url = _first(media, "url")
        told = url[5:64].partition(";")[0] if url.startswith("data:") else ""
        return url, _first(media, "contentType") or told
    source = part.get("source")
    if isinstance(source, dict):
        return _of_anthropic(source, kind)
    for key in _OF_BEDROCK:
        inner = part.get(key)
        if isinstance(inner, dict) and isinstance(inner.get("source"), dict):
            return _of_bedrock(inner, key)
    if kind == "image_generation_call":
        mime = f"image/{_first(part, 'output_format') or 'png'}"
        return _data_url(_first(part, "result"), mime), mime
    if kind in ("image", "file", "input_file"):  # the AI SDK, and OpenAI's files
        return _file(part, mime or _first(part, "modality") or kind)
    return "", ""


def _of_anthropic(source: dict[str, Value], kind: str) -> tuple[str, str]:
    """An image or document by its source: base64, an address, an uploaded file, or the text itself."""
    mime = _first(source, "media_type") or kind
    form, data = source.get("type"), source.get("data")
    if form == "text" and isinstance(data, str):
        return f"data:{mime if '/' in mime else 'text/plain'},{quote(data)}", mime
    return _first(source, "url", "file_id") or _data_url(_first(source, "data"), mime), mime


_OF_BEDROCK = ("image", "document", "video", "audio")


def _of_bedrock(part: dict[str, Value], key: str) -> tuple[str, str]:
    """An image, document, video or sound: its format, and its bytes or where they are kept."""
    source = part["source"]
    stored = source.get("s3Location")
    form = _first(part, "format")
    mime = (f"application/{form}" if key == "document" else f"{key}/{form}") if form else key
    if isinstance(stored, dict):
        return _first(stored, "uri"), mime
    return _data_url(_first(source, "bytes"), mime), mime


def _file(part: dict[str, Value], mime: str) -> tuple[str, str]:
    data = next((part[key] for key in _FILE_MEMBERS if part.get(key)), None)
    file = part.get("file")
    file = file if isinstance(file, dict) else {}
    data = data or file.get("file_data")
    if isinstance(data, dict):
        data = data.get("url") or _of_buffer(data) or data.get("data")
    if data:
        return _data_url(_first({"data": data}, "data"), mime), mime
    return _first(part, "file_id", "fileId") or _first(file, "file_id"), mime


_FILE_MEMBERS = ("image", "data", "base64", "url", "file_data", "file_url")


def _of_buffer(data: dict[str, Value]) -> str:
    """The bytes of JavaScript's arrays and buffers, which are objects of numbers as JSON, in base64."""
    numbers = data.get("data") if data.get("type") == "Buffer" else list(data.values()) if "0" in data else None
    if not isinstance(numbers, list) or not all(type(item) is int and 0 <= item < 256 for item in numbers):
        return ""
    return b64encode(bytes(numbers)).decode()


def _data_url(data: str, mime: str) -> str:
    if not data or "/" not in mime or data[:5].lower() == "data:" or data[:8].lower().startswith(_SCHEMES):
        return data
    return f"data:{mime};base64,{data}"


_SCHEMES = ("http:", "https:", "gs:", "s3:", "file:")


def _media(url: str, mime: str, part: dict[str, Value]) -> Content:
    if mime.startswith("image"):
        return {"type": "image", "image.image.url": url}
    if mime.startswith("audio"):
        content: Content = {"type": "audio", "audio.audio.url": url}
        if "/" in mime:
            content["audio.audio.mime_type"] = mime
        return content
    if mime.startswith("video"):
        return {"type": "video", "video.video.url": url}
    content = {"type": "document", "document.document.url": url}
    if "/" in mime:
        content["document.document.mime_type"] = mime
    within = next((inner for key in ("file", "document") if isinstance(inner := part.get(key), dict)), part)
    if name := _first(part, "filename", "name", "title") or _first(within, "filename", "name"):
        content["document.document.name"] = name
    return content
