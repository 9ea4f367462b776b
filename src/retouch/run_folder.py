"""A run as a folder: its configuration, where everything is, and how far each round has come. No torch, no mujoco.

run.json                              configuration and versions: all that is needed to repeat the run
data/round-0 ... data/round-R         episodes; round 0 holds the first demonstrations
policies/round-r/seed-s               policies with every checkpoint
policies/versions/N-...               those trained while a round was collected, on its first N completed attempts
evaluations/round-r/seed-s/*.json     outcomes of every attempt that was evaluated
metrics.jsonl                         a line of figures for what each round has collected and for each of its policies
policies/.../metrics.jsonl            a line of figures whenever training has reported
results.json                          figures, all of which follow from the above
report.html                           the same for people to read, of the rounds that are done
"""

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from retouch.counting import Tally, Target, human_steps, stream_of, tally
from retouch.episodes.layout import DATASET
from retouch.episodes.reader import Dataset
from retouch.errors import InputError, RetouchError
from retouch.learning.config import YIELDING as YIELDING_TRAINING
from retouch.learning.config import PolicyType, TrainConfig
from retouch.learning.weights import METHODS, Alpha, Corrects, CountAs, Method, method
from retouch.operators.named import check
from retouch.operators.profile import profile
from retouch.operators.threshold import Threshold
from retouch.outcomes import Evaluation
from retouch.policies.bridge_file import PREFIX
from retouch.policies.files import write_json
from retouch.tasks.registry import yields
from retouch.versions import versions

SHARE = 0.33
REPORT = "report.html"
METHODS_FOR_BRIDGED = tuple(
    name for name, how in METHODS.items() if how.update == "retrain" and how.corrects != "demonstrate"
)
"""Those that suit a base which a bridge serves: its corrections can be learnt from, it cannot be changed itself."""


@dataclass(frozen=True)
class ImproveConfig:
    """One run of `retouch improve`.

    Attributes:
        task: what is learnt.
        method: how corrections are learnt from.
        rounds: of correction after the first demonstrations; full-demos has one.
        operator: who corrects: `scripted`, a person; an `expert` policy; people through `retouch serve`, `web`; or
            whom another package brings.
        demonstrator: who gives the first demonstrations; None for the operator.
        profile: the scripted person.
        expert: the folder of the policy in a person's place.
        threshold: when it acts.
        base_policy: `bridge:FILE`, where the base is not trained here but runs in another environment.
        base_digest: of what that file starts (`policies.bridge_file`).
        demonstrations: how many the base policy learns from; with a base that is there, that the first round learns
            from besides, or none.
        share: of the base's samples that a round adds as human samples, in completed attempts.
        corrected: completed attempts that a round adds instead, where people push or there are no demonstrations.
        asynchronous: whether a residual is trained again and again while the round is collected, each attempt with the
            newest version.
        first_version, version_every: completed attempts before its first version, and between two.
        collection_seed: of everything random in collecting.
        training_seeds: one policy each; the first one's last policy collects the next round, whatever its score.
        alpha: weight of an intervention sample; the method's own when None.
        demonstrations_count_as: where the first demonstrations go, D_I or D_R; the paper does not say.
        training: how each policy is trained.
        checkpoint_trials: rollouts of every checkpoint.
        test_trials: rollouts of the final policy, on states that nothing else sees.
        max_attempts: of one round's collection, before it ends with a warning.
        workers: threads that step the physics; no result depends on it.
    """

    task: str = "threading"
    method: str = "iwr"
    rounds: int = 3
    operator: str = "scripted"
    demonstrator: str | None = None
    profile: str = "steady"
    expert: str | None = None
    threshold: Threshold = field(default_factory=Threshold)
    base_policy: str | None = None
    base_digest: str = ""
    demonstrations: int = 30
    share: float = SHARE
    corrected: int = 50
    asynchronous: bool = False
    first_version: int = 20
    version_every: int = 10
    collection_seed: int = 0
    training_seeds: tuple[int, ...] = (0,)
    alpha: Alpha | None = None
    demonstrations_count_as: CountAs = "rollout"
    training: TrainConfig = field(default_factory=TrainConfig)
    checkpoint_trials: int = 50
    test_trials: int = 200
    max_attempts: int = 300
    workers: int = 2

    def __post_init__(self) -> None:
        counts = ("first_version", "version_every", "test_trials", "max_attempts", "workers")
        for name in ("rounds", "demonstrations", "corrected", *counts):
            least = 0 if name == "demonstrations" and self.base_policy is not None else 1
            if getattr(self, name) < least:
                raise InputError(f"{name} must be at least {least}, not {getattr(self, name)}")
        if not self.training_seeds:
            raise InputError("training_seeds needs at least one seed")
        if self.checkpoint_trials < 0:
            raise InputError(f"checkpoint_trials must be at least 0, not {self.checkpoint_trials}")
        if min(self.training_seeds) < 0 or len(set(self.training_seeds)) < len(self.training_seeds):
            raise InputError(f"training_seeds are different numbers from 0 up, not {self.training_seeds}")
        if self.training.seed:
            raise InputError("the seeds of training are given by training_seeds")
        stream_of(self.collection_seed, self.rounds)
        if not 0 < self.share <= 10:
            raise InputError(f"share is a part of the base's samples above 0, not {self.share}")
        if self.training.type == "residual":
            raise InputError("a run begins with a base: --training.type is that of the base, not residual")
        if self.by_pushing and self.training.type != "diffusion":
            raise InputError(
                f"{self.method} is for a robot that yields and a base of waypoints: --training.type diffusion"
            )
        if self.base_policy is not None:
            self._check_base(self.base_policy)
        if self.asynchronous and not (self.residual and self.rounds == 1 and self.operator == "scripted"):
            raise InputError(
                "asynchronous learning is for one round of a residual method (residual, compliant-residual) that a "
                "scripted person collects: add --rounds 1"
            )
        if self.asynchronous and self.first_version >= self.corrected:
            most = self.corrected - 1
            raise InputError(f"first_version is at most {most}, not {self.first_version}, or no version is ever made")
        profile(self.profile)
        for who in filter(None, (self.operator, self.demonstrator)):
            check(who)
        if (self.expert is not None) != ("expert" in (self.operator, self.demonstrator)):
            raise InputError("an operator or demonstrator who is an expert needs its policy, --expert, and nobody else")
        if self.expert is not None and self.expert.startswith(PREFIX):
            raise InputError("a run has its expert in a folder and starts no command for it: --expert FOLDER")

    def _check_base(self, base: str) -> None:
        if not base.startswith(PREFIX) or not base.isprintable():
            raise InputError(f"a run trains its base, or has one that a bridge serves ({PREFIX}FILE.toml), not {base}")
        if self.method not in METHODS_FOR_BRIDGED:
            raise InputError(
                f"{self.method} does not suit a base that is served by a bridge, as only what was corrected is learnt "
                f"from it: choose {', '.join(METHODS_FOR_BRIDGED)}"
            )

    @property
    def by_attempts(self) -> bool:
        """Whether a round is of so many completed attempts, rather than of so many samples by people."""
        return self.by_pushing or not self.demonstrations

    @property
    def learning(self) -> Method:
        """The method with this run's options."""
        return method(self.method).replace(alpha=self.alpha, demonstrations_count_as=self.demonstrations_count_as)

    @property
    def residual(self) -> bool:
        """Whether rounds train a residual beside the base, which stays as it is."""
        return self.learning.update == "residual"

    @property
    def by_pushing(self) -> bool:
        """Whether people push: rounds are of so many attempts then."""
        return self.learning.corrects == "delta"

    @property
    def pictures(self) -> int:
        """Size of the pictures that are recorded [pixels]; 0 for none."""
        eyes = self.training.eyes
        return eyes.size if eyes is not None else 0

    def fingerprint(self) -> dict[str, Any]:
        """What the results depend on, as JSON."""
        document: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        del document["workers"]
        besides: tuple[PolicyType, ...] = ("residual",) if self.residual else ()
        document["training"] = json.loads(json.dumps(self.training.what_matters(*besides)))
        return document

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """The reverse of `fingerprint`.

        Raises:
            TypeError: it has other fields.
            InputError: a value that cannot be.
        """
        document = {**cls().fingerprint(), **document}  # older runs lack what has been added since
        training = TrainConfig.from_json(document["training"])
        threshold = Threshold(**document["threshold"])
        seeds = tuple(document["training_seeds"])
        values = dict(document, training=training, training_seeds=seeds, threshold=threshold)
        return cls(**values)


def usual(task: str) -> ImproveConfig:
    """How a run of a task usually begins: how many demonstrations, and how its policies are trained."""
    if not yields(task):
        return ImproveConfig(task=task)
    return ImproveConfig(task=task, demonstrations=150, training=YIELDING_TRAINING)


def methods_for(task: str) -> tuple[str, ...]:
    """The methods that suit the robot of a task: only one that yields can be pushed."""
    return tuple(name for name, how in METHODS.items() if how.corrects != "delta" or yields(task))


class RunFolder:
    """A run that has been begun, or is begun here.

    Raises:
        InputError: the folder holds a run of another configuration.
        RetouchError: its run.json is damaged.
    """

    def __init__(self, folder: Path, config: ImproveConfig, command: str = ""):
        self.folder, self.config = folder, config
        self.other_versions = self._claim(command)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The run that a folder holds.

        Raises:
            InputError: there is none.
            RetouchError: its run.json is damaged.
        """
        path = folder / "run.json"
        try:
            return cls(folder, ImproveConfig.from_json(json.loads(path.read_text())["config"]))
        except FileNotFoundError:
            raise InputError(f"no run in {folder}") from None
        except (ValueError, KeyError, TypeError) as error:
            raise RetouchError(f"{path} is damaged ({error})") from None

    @property
    def last_round(self) -> int:
        """0 is the base; full demonstrations are one collection."""
        return 1 if self.config.method == "full-demos" else self.config.rounds

    def data(self, number: int) -> Path:
        """Where a round's episodes are."""
        return self.folder / "data" / f"round-{number}"

    def policy(self, number: int, seed: int) -> Path:
        """Where a policy is."""
        return self.folder / "policies" / f"round-{number}" / f"seed-{seed}"

    def bridged(self, number: int) -> bool:
        """Whether a round's policy is not in the run's folder, but served from another environment."""
        return number == 0 and self.config.base_policy is not None

    def evaluation(self, number: int, seed: int, name: str = "final") -> Path:
        """Where the outcomes of an evaluated policy are."""
        return self.folder / "evaluations" / f"round-{number}" / f"seed-{seed}" / f"{name}.json"

    def way(self, number: int) -> Corrects:
        """How a round is collected."""
        return "demonstrate" if number == 0 else self.config.learning.corrects

    def collected_by(self, number: int) -> str:
        """Who collects a round."""
        return (self.config.demonstrator or self.config.operator) if number == 0 else self.config.operator

    def tally(self, number: int) -> Tally:
        """What a round holds so far."""
        path = self.data(number)
        return tally(Dataset(path)) if (path / DATASET).is_file() else Tally()

    def target(self, number: int) -> Target:
        """What a round shall hold; after the base, human samples as a share of the base's, or corrected attempts."""
        c = self.config
        if number == 0:
            return Target(episodes=c.demonstrations, max_attempts=10 * c.demonstrations)
        if c.by_attempts:
            return Target(episodes=c.corrected, max_attempts=c.max_attempts)
        return Target(samples=self.samples_wanted(self.tally(0).human_steps), max_attempts=c.max_attempts)

    def samples_wanted(self, base_samples: int) -> int:
        """Human samples, in completed attempts, that a round after the base adds."""
        return base_samples if self.config.method == "full-demos" else round(self.config.share * base_samples)

    def collected(self, number: int) -> bool:
        """Whether a round has all that it shall have."""
        base_is_there = number == 0 or self.collected(0)
        return base_is_there and self.tally(number).reached(self.target(number))

    def how_far(self, number: int) -> dict[str, Any]:
        """How far a round is, for people to read.

        Returns:
            `done` and `target`, in the `unit` that the target is of: samples by people, whole episodes by them, or
            attempts that were solved while they could push. `corrected`: solved ones in which somebody acted.
        """
        found, target, path = self.tally(number), self.target(number), self.data(number)
        episodes = Dataset(path).episodes if (path / DATASET).is_file() else []
        corrected = sum(e.outcome == "success" and human_steps(e) > 0 for e in episodes)
        if target.episodes is None:
            said = {"done": found.human_steps, "target": target.samples, "unit": "samples"}
        else:
            unit = "episodes" if self.way(number) == "demonstrate" else "attempts"
            said = {"done": found.successes, "target": target.episodes, "unit": unit}
        return {**said, "corrected": corrected}

    def training_begun(self, number: int) -> bool:
        """Whether a round has been trained on, in part or whole: what it learns from must not change any more."""
        return (self.folder / "policies" / f"round-{number}").exists()

    def final(self, number: int) -> Evaluation | None:
        """Outcomes of the round's first policy on fresh states, where it has been tried."""
        path = self.evaluation(number, self.config.training_seeds[0])
        return Evaluation.load(path) if path.exists() else None

    def _claim(self, command: str) -> list[str]:
        """Write the configuration, or see that it is the one the folder was begun with; what has changed version."""
        path = self.folder / "run.json"
        wanted, now = self.config.fingerprint(), versions()
        if not path.exists():
            document = {"config": wanted, "command": command, "started_at": datetime.now(UTC).isoformat()}
            write_json(path, document | {"versions": now, "profile": asdict(profile(self.config.profile))})
            return []
        try:
            found = json.loads(path.read_text())
            config, before = found["config"], found["versions"]
        except (ValueError, KeyError, TypeError) as error:
            raise RetouchError(f"{path} is damaged ({error}): choose another folder with --out") from None
        try:
            before_now = type(self.config).from_json(config).fingerprint()
        except (TypeError, RetouchError) as error:
            raise RetouchError(f"{path} is damaged ({error}): choose another folder with --out") from None
        changed = sorted(k for k in wanted if before_now[k] != wanted[k])
        if changed:
            raise InputError(
                f"{self.folder} holds a run with another {', '.join(changed)}: choose another folder with --out"
            )
        return sorted(k for k in now if before.get(k) != now[k])
