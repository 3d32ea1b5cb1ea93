"""The three prompts of MM-Eureka, word for word, and their rendering with a question.

The wording is an experimental condition: one changed word changes scores, so each template is frozen by a
snapshot test. Spelling and spacing errors are those of the original.

- `instruct`: paper table 1, MM-Eureka-8B. The model's own system prompt; the format is asked for in the user
  turn (upstream: branch `internvl`, `eval/k12/evaluate_k12.py`, template `reasoning_instruct`).
- `zero`: paper table 1, MM-Eureka-Zero-38B, in the manner of R1-Zero (upstream: `reasoning_pretrain`).
- `plain`: the question alone under the model's system prompt (upstream: `original`).
"""

from __future__ import annotations

from dataclasses import dataclass

from mmk12.errors import PromptError, UnknownName
from mmk12.types import IMAGE_MARK, Message

_INTERNVL_SYSTEM = (
    "你是书生·万象，英文名是InternVL，是由上海人工智能实验室、清华大学及多家合作单位联合开发的多模态大语言模型。"
)


@dataclass(frozen=True, slots=True)
class Template:
    """A named prompt; `user` holds `{question}` once. Without a `system` prompt (None) there is no such turn."""

    name: str
    system: str | None
    user: str


TEMPLATES = {
    template.name: template
    for template in (
        Template(
            "instruct",
            _INTERNVL_SYSTEM,
            "You should first thinks about the reasoning process in the mind and then provides the user with the "
            "answer. Your answer must be in latex format and wrapped in $...$.The reasoning process and answer are "
            "enclosed within <think> </think> and <answer> </answer> tags, respectively, i.e., <think> Since "
            "$1+1=2$, so the answer is $2$. </think><answer> $2$ </answer>, which means your output should start "
            "with <think> and end with </answer>.\n{question}",
        ),
        Template(
            "zero",
            "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The "
            "assistant first thinks about the reasoning process in the mind and then provides the user with the "
            "answer. The reasoning process and answer are enclosed within <think> </think> and <answer> </answer> "
            "tags, respectively, i.e., <think> reasoning process here </think> <answer> answer here </answer>.",
            "Answer the following question: {question}\n"
            "Please reason step by step, and put your final answer within \\boxed{}.",
        ),
        Template("plain", _INTERNVL_SYSTEM, "{question}"),
    )
}


def find_template(name: str) -> Template:
    """Returns the template of that name; raises `UnknownName`."""
    try:
        return TEMPLATES[name]
    except KeyError:
        raise UnknownName("prompt", name, TEMPLATES) from None


def render_chat(name: str, question: str, images: int) -> list[Message]:
    """Returns the messages of a question with as many `images`, by the template called `name`.

    Marks in front of the question move in front of the whole user turn; marks inside a sentence stay where they are.
    No line break follows a mark: the model's own chat template sets what follows an image (InternVL a line break, which
    upstream wrote by hand).

    Raises `PromptError` if the number of marks is not `images`, `UnknownName` if there is no such template.
    """
    return render_template(find_template(name), question, images)


def render_template(template: Template, question: str, images: int) -> list[Message]:
    """Returns the messages of a question by a template, as `render_chat` does. Raises `PromptError`."""
    marks = question.count(IMAGE_MARK)
    if marks != images:
        raise PromptError(f"{marks} {IMAGE_MARK} marks for {images} images")
    body, leading = question, ""
    while body.startswith(IMAGE_MARK):
        body = body.removeprefix(IMAGE_MARK).lstrip()
        leading += IMAGE_MARK
    # Not str.format: questions are full of braces.
    user = leading + template.user.replace("{question}", body)
    system = [] if template.system is None else [Message("system", template.system)]
    return [*system, Message("user", user)]
