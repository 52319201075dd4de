"""What a file does not say, and somebody has to: two readings that fit every value."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benepass_tasks.catalog import wording
from benepass_tasks.config.errors import ProjectError

Answers = Mapping[str, str]
"""What was answered, by the name of the question."""


class Given(Mapping[str, str]):
    """Answers that know which were looked for.

    Attributes:
        sought: The names of all that were looked for, whether they were given or not.
    """

    def __init__(self, answers: Answers) -> None:
        """Take answers."""
        self._answers = dict(answers)
        self.sought: set[str] = set()

    def __getitem__(self, name: str) -> str:
        """An answer."""
        self.sought.add(name)
        return self._answers[name]

    def __iter__(self) -> Iterator[str]:
        """The names of those that were given."""
        return iter(self._answers)

    def __len__(self) -> int:
        """How many were given."""
        return len(self._answers)


@dataclass(frozen=True, slots=True)
class Known(Mapping[str, str]):
    """Answers, and what counts where nothing was answered.

    Attributes:
        answers: The answers.
        otherwise: What is known besides.
    """

    answers: Answers
    otherwise: Answers

    def __getitem__(self, name: str) -> str:
        """An answer, or what is known."""
        return self.answers[name] if name in self.answers else self.otherwise[name]

    def __iter__(self) -> Iterator[str]:
        """The names of both."""
        return iter({*self.answers, *self.otherwise})

    def __len__(self) -> int:
        """How many there are."""
        return len({*self.answers, *self.otherwise})


@dataclass(frozen=True, slots=True)
class Question:
    """A question that the file leaves open.

    Attributes:
        name: What an answer begins with, such as `hire_date`.
        asks: The question, in words that quote no value.
        choices: What each answer means; empty where any text is one, such as the name of a zone.
        example: An answer, where any text is one.
    """

    name: str
    asks: str
    choices: Mapping[str, str]
    example: str = ""

    @property
    def flags(self) -> list[str]:
        """The flags that answer it."""
        answers = list(self.choices) or [self.example]
        return [f"--answer {quoted(f'{self.name}={it}')}" for it in answers]


def quoted(text: str) -> str:
    """A text as a shell takes it for one word."""
    plain = text.replace("'", "'\\''")
    return text if not set(text) & set(" '\"$`\\&|;<>()*?[]{}!#~\t") else f"'{plain}'"


def answered(question: Question, answers: Answers) -> str | None:
    """What was answered to a question; None where nothing was.

    Raises:
        ProjectError: the answer is none of the choices.
    """
    answer = answers.get(question.name)
    if answer is not None and question.choices and answer not in question.choices:
        near = wording.meant(wording.nearest(answer, question.choices))
        raise ProjectError(
            f"--answer {question.name}={answer}: there is no such answer"
            + (near or f" (answers: {', '.join(question.choices)})")
        )
    return answer
