import { useEffect, useState } from "preact/hooks";
import { api, errorLine } from "../../shared/api";
import { Notice } from "../../shared/Notice";
import type { Options, Run, RunRequest, TaskOption } from "../../shared/protocol";
import { Field } from "./Field";
import { METHOD_LINES } from "./methods";

const FIRST: RunRequest = {
  name: "", task: "", method: "", base: "", demonstrations: 30, demonstrator: "scripted", share: 0.33, corrected: 50, rounds: 3,
};
/** What is chosen at first, where it suits the robot. */
const BEST = ["compliant-residual", "iwr"];

/** What a new run is made of, each choice with a line about what it does. */
export function RunForm({ onCreated }: { onCreated: (run: Run) => void }) {
  const [options, setOptions] = useState<Options | null>(null);
  const [request, setRequest] = useState(FIRST);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const set = (change: Partial<RunRequest>) => setRequest((before) => ({ ...before, ...change }));
  useEffect(() => {
    const filled = (answer: Options) => {
      setOptions(answer);
      set(usual(answer, answer.tasks[0], ""));
    };
    api.options().then(filled, (failure: unknown) => setError(errorLine(failure)));
  }, []);
  const submit = async (event: Event) => {
    event.preventDefault();
    setError(null);
    setBusy(true);
    try {
      const { demonstrations, ...based } = request;
      onCreated(await api.createRun(request.base === "" ? request : based));
    } catch (failure) {
      setError(errorLine(failure));
    } finally {
      setBusy(false);
    }
  };
  const task = options?.tasks.find(({ name }) => name === request.task);
  const demonstrated = request.base === "";
  const correct = options?.methods.find(({ name }) => name === request.method)?.correct;
  return (
    <form class="run-form card" onSubmit={(event) => void submit(event)}>
      <h2>New run</h2>
      <p class="soft">A policy learns the task from demonstrations, you correct it while it runs, and it learns again.</p>
      <Field label="Name" hint="What the run’s folder is called: letters, digits, dots, dashes and underscores.">
        <input required maxLength={60} value={request.name} pattern="[A-Za-z0-9][A-Za-z0-9._\-]*" autoComplete="off"
          title="Letters, digits, dots, dashes and underscores; the first one a letter or digit."
          onInput={(event) => set({ name: event.currentTarget.value })} />
      </Field>
      <Field label="Task" hint="What the robot is to do.">
        <Choice value={request.task} names={options?.tasks.map(({ name }) => name) ?? []}
          onChoose={(chosen) => set(usual(options, options?.tasks.find(({ name }) => name === chosen), request.base))} />
      </Field>
      <Field label="Method" hint={METHOD_LINES[request.method] ?? "How it is learnt from what you do."}>
        <Choice value={request.method} names={suited(options, task, request.base)} onChoose={(method) => set({ method })} />
      </Field>
      {options !== null && options.bridges.length > 0 && (
        <Field label="Base policy" hint="What is corrected at first: a policy trained on demonstrations, or one that runs in another environment.">
          <select value={request.base}
            onChange={({ currentTarget: { value: base } }) => set({ ...usual(options, task, base), base })}>
            <option value="">trained on demonstrations</option>
            {options.bridges.map((name) => <option key={name} value={name}>served by {name}</option>)}
          </select>
        </Field>
      )}
      {demonstrated && <Field label="Who demonstrates" hint="Your own demonstrations take a few minutes each ten; a scripted person's, seconds.">
        <select value={request.demonstrator}
          onChange={(event) => set({ demonstrator: event.currentTarget.value === "web" ? "web" : "scripted" })}>
          <option value="scripted">a scripted person</option>
          <option value="web">I do</option>
        </select>
      </Field>}
      {demonstrated && <Field label="Demonstrations" hint="Successful episodes that the first policy learns from.">
        <NumberInput value={request.demonstrations ?? 30} min={1} max={10000} step={1} onChange={(demonstrations) => set({ demonstrations })} />
      </Field>}
      {correct === "take-over" && demonstrated && (
        <Field label="Share" hint="Samples of yours that a round collects, as a part of the demonstrations’: 0.33 is a third, as in the paper. Much less teaches little.">
          <NumberInput value={request.share} min={0.01} max={10} step={0.01} onChange={(share) => set({ share })} />
        </Field>
      )}
      {(correct === "delta" || !demonstrated) && (
        <Field label="Attempts" hint="Solved attempts that a round collects, corrected wherever they need it: 50, as in the paper. Much fewer teach little.">
          <NumberInput value={request.corrected} min={1} max={10000} step={1} onChange={(corrected) => set({ corrected })} />
        </Field>
      )}
      <Field label="Rounds" hint="How often the policy is corrected and trained again.">
        <NumberInput value={request.rounds} min={1} max={99} step={1} onChange={(rounds) => set({ rounds })} />
      </Field>
      <Notice text={error} />
      <div class="actions">
        <button class="primary" disabled={busy || options === null}>{busy ? "Making it …" : "Create the run"}</button>
      </div>
    </form>
  );
}

/** The methods that suit a task's robot, and the base. */
function suited(options: Options | null, task: TaskOption | undefined, base: string): string[] {
  const there = options?.methods.filter((method) => base === "" || method.bridged).map(({ name }) => name) ?? [];
  return task?.methods.filter((name) => there.includes(name)) ?? [];
}

/** What a task is begun with. */
function usual(options: Options | null, task: TaskOption | undefined, base: string): Partial<RunRequest> {
  if (task === undefined) return {};
  const methods = suited(options, task, base);
  const method = BEST.find((name) => methods.includes(name)) ?? methods[0] ?? "";
  return { task: task.name, method, demonstrations: task.demonstrations };
}

function Choice({ value, names, onChoose }: { value: string; names: readonly string[]; onChoose: (name: string) => void }) {
  return (
    <select required value={value} onChange={(event) => onChoose(event.currentTarget.value)}>
      {names.map((name) => <option key={name} value={name}>{name}</option>)}
    </select>
  );
}

interface NumberInputProps {
  value: number;
  min: number;
  max?: number;
  step: number;
  onChange: (value: number) => void;
}

function NumberInput({ onChange, value, ...rest }: NumberInputProps) {
  return (
    <input type="number" required value={Number.isNaN(value) ? "" : value} {...rest}
      onInput={(event) => onChange(event.currentTarget.valueAsNumber)} />
  );
}
