"""Plan and build, agents with prompts and tools of their own, subagents, commands."""

from __future__ import annotations

from e2e.opencode.scenarios.play import FILES, Play, bash, call, scenario, simple, task, usage


def _steps(name: str, count: int) -> list[dict[str, object]]:
    tools = [{"text": f"Looking {number}.", "tools": [bash(f"echo {name} {number}")]} for number in range(count)]
    return [*tools, {"text": f"The {name} is ready."}]


@scenario("plan_then_build", lambda _: {"plan7": _steps("plan", 6), "build2": _steps("build", 1)}, files=FILES)
def plan_then_build(play: Play) -> None:
    """Plan mode puts a reminder into each request, made anew each time; the build turn has another, once."""
    play.say("Plan it [[plan7]]", agent="plan")
    play.say("Now build it [[build2]]", agent="build")
    play.say("And again [[build2]]", agent="build")


@scenario("plan_twice", lambda _: {"plan1": _steps("first", 1), "plan2": _steps("second", 1)})
def plan_twice(play: Play) -> None:
    play.say("Plan one [[plan1]]", agent="plan")
    play.say("Plan two [[plan2]]", agent="plan")


@scenario("build_plan_build", lambda _: {"bpb": _steps("thing", 1)})
def build_plan_build(play: Play) -> None:
    for agent in ("build", "plan", "build", "build"):
        play.say(f"As {agent} [[bpb]]", agent=agent)


_POET = {
    "poet": {
        "description": "Answers in verse", "mode": "primary", "prompt": "You are a poet. Rhyme.",
        "temperature": 0.1, "top_p": 0.9,
    },
    "reader": {
        "description": "Only reads", "mode": "primary", "tools": {"bash": False, "edit": False, "write": False},
    },
    "careful": {
        "description": "Runs nothing", "mode": "primary",
        "permission": {"bash": "deny", "webfetch": "deny", "task": "deny"},
    },
    "helper": {
        "description": "Helps a little", "mode": "subagent", "prompt": "You help. Be short.",
        "temperature": 0.3, "tools": {"webfetch": False, "todowrite": False},
    },
    "chief": {
        "description": "Hands on", "mode": "subagent", "prompt": "You delegate.",
        "permission": {"task": "allow"},
    },
    "short": {"description": "Two steps", "mode": "primary", "steps": 2},
}  # fmt: skip


@scenario("agent_prompt", lambda _: {"poet": _steps("poem", 1)}, config={"agent": _POET})
def agent_prompt(play: Play) -> None:
    play.say("A poem [[poet]]", agent="poet")


@scenario("agent_tools_off", lambda _: {"reader": [{"text": "I only read."}]}, config={"agent": _POET})
def agent_tools_off(play: Play) -> None:
    play.say("Read [[reader]]", agent="reader")


@scenario("agent_denied", lambda _: {"careful": [{"text": "I run nothing."}]}, config={"agent": _POET})
def agent_denied(play: Play) -> None:
    play.say("Careful [[careful]]", agent="careful")


@scenario("agent_steps", lambda _: {"short": _steps("short", 5)}, config={"agent": _POET})
def agent_steps(play: Play) -> None:
    """The last step allowed is told so in words of OpenCode's own."""
    play.say("Briefly [[short]]", agent="short")


@scenario("agents_in_turn", lambda _: {"turnabout": [{"text": "Yes."}]}, config={"agent": _POET})
def agents_in_turn(play: Play) -> None:
    for agent in ("build", "poet", "reader", "build"):
        play.say(f"As {agent} [[turnabout]]", agent=agent)


@scenario("prompt_tools_off", lambda _: {"no_bash": [{"text": "Without bash."}]})
def prompt_tools_off(play: Play) -> None:
    play.say("Go [[no_bash]]", tools={"bash": False, "webfetch": False})


@scenario("prompt_system", lambda _: {"rhyme": [{"text": "In rhyme."}]})
def prompt_system(play: Play) -> None:
    play.say("Go [[rhyme]]", system="Answer in rhyme.")
    play.say("Go on [[rhyme]]")


simple(
    "subagent_custom",
    lambda _: {
        "sub_custom": [{"text": "Helper!", "tools": [task("Help", "Help [[helper]]", "helper")]}, {"text": "Ok."}],
        "helper": [{"text": "Looking.", "tools": [bash("echo help")]}, {"text": "Helped."}],
    },
    "sub_custom",
    config={"agent": _POET},
)  # fmt: skip
simple(
    "subagent_nested",
    lambda _: {
        "nested": [{"text": "To the chief.", "tools": [task("Lead", "Lead [[chief]]", "chief")]}, {"text": "Led."}],
        "chief": [{"text": "On.", "tools": [task("Help", "Help [[deep]]", "helper")]}, {"text": "Chief done."}],
        "deep": [{"tools": [bash("echo deep")]}, {"text": "Deep done."}],
    },
    "nested",
    config={"agent": _POET},
)
simple(
    "subagent_fails",
    lambda _: {
        "sub_fails": [{"text": "Try.", "tools": [task("Fail", "Fail [[failing]]")]}, {"text": "It failed there."}],
        "failing": [{"status": 400, "message": "Invalid request"}],
    },
    "sub_fails",
)
simple(
    "subagent_unknown",
    lambda _: {
        "sub_unknown": [{"text": "Try.", "tools": [task("X", "Do X", "nobody")]}, {"text": "No such agent."}],
    },
    "sub_unknown",
)


@scenario(
    "child_prompted",
    lambda _: {
        "parent": [{"text": "Delegating.", "tools": [task("Count", "Count [[kid]]")]}, {"text": "Done."}],
        "kid": [{"text": "Three."}],
        "kid_again": [{"text": "Still three."}],
    },
)
def child_prompted(play: Play) -> None:
    """A prompt to a subagent's session while no tool runs it is a turn of its own."""
    play.say("Start [[parent]]")
    play.say("Count again [[kid_again]]", session=play.child())


@scenario(
    "subtask_command",
    lambda _: {"st_command": [{"tools": [bash("echo st")]}, {"text": "Subtask done."}], "default": [{"text": "Sum."}]},
    config={"command": {"st": {"template": "Do $ARGUMENTS [[st_command]]", "description": "Do", "subtask": True}}},
)
def subtask_command(play: Play) -> None:
    play.api("POST", f"/session/{play.session}/command", {"command": "st", "arguments": "it", "agent": "general"})
    play.until_idle()
    play.say("And then? [[st_command]]")


@scenario(
    "command_agent",
    lambda _: {"as_plan": [{"text": "Planned."}]},
    config={"command": {"p": {"template": "Plan $1 [[as_plan]]", "description": "Plan", "agent": "plan"}}},
)
def command_agent(play: Play) -> None:
    play.api("POST", f"/session/{play.session}/command", {"command": "p", "arguments": "one two"})


@scenario(
    "command_shell",
    lambda _: {"with_shell": [{"text": "Seen."}]},
    config={"command": {"s": {"template": "See !`echo from-shell` and @hello.txt [[with_shell]]", "description": "S"}}},
    files=FILES,
)
def command_shell(play: Play) -> None:
    play.api("POST", f"/session/{play.session}/command", {"command": "s", "arguments": ""})


@scenario("agent_mentioned", lambda _: {"mention": [{"text": "Mentioned."}]})
def agent_mentioned(play: Play) -> None:
    play.say("Ask @general [[mention]]", {"type": "agent", "name": "general"})


simple(
    "instructions",
    lambda _: {"agents_md": [{"text": "As told.", "tools": [call("read", filePath="sub/x.txt")]}, {"text": "Read."}]},
    "agents_md",
    files={"AGENTS.md": "Always be kind.\n", "sub/AGENTS.md": "Here be brief.\n", "sub/x.txt": "x\n"},
)
simple(
    "skill",
    lambda _: {"use_skill": [{"text": "With skill.", "tools": [call("skill", name="knots")]}, {"text": "Tied."}]},
    "use_skill",
    files={".opencode/skills/knots/SKILL.md": "---\nname: knots\ndescription: Ties knots\n---\nTie a bowline.\n"},
)
simple(
    "many_steps",
    lambda _: {"many": [*_steps("many", 8)[:-1], {"text": "All eight.", "usage": usage(9000, 50, cached=8000)}]},
    "many",
)
