import { useCallback, useEffect, useLayoutEffect, useState } from "preact/hooks";
import { Icon } from "../../shared/Icon";
import { Notice } from "../../shared/Notice";
import { type HoldWay, rememberWay, wayOf } from "../../shared/way";
import { href } from "../router";
import { TopBar } from "../TopBar";
import { markOf } from "./actions";
import { besideOnly, wanted, type Middle } from "./cameras";
import { CameraStrip } from "./CameraStrip";
import { KeyHelp } from "./KeyHelp";
import { MarkBar } from "./MarkBar";
import { PairDialog } from "./PairDialog";
import { PhoneRequest } from "./PhoneRequest";
import { shownState } from "./snapshot";
import { StagePane } from "./StagePane";
import { StateBanner } from "./StateBanner";
import { StatusPanel } from "./StatusPanel";
import { UndoToast } from "./UndoToast";
import { useHand } from "./useHand";
import { usePageKeys } from "../usePageKeys";
import { useSession } from "./useSession";

type Overlay = "none" | "pair" | "keys";

/** Where a person watches the robot, takes over, and says how an attempt ended. */
export function OperatePage({ run }: { run: string }) {
  const { session, snapshot } = useSession(run);
  const { scene, status } = snapshot;
  const [middle, setMiddle] = useState<Middle>({ kind: "scene" });
  const [beside, setBeside] = useState<string[]>([]);
  const [overlay, setOverlay] = useState<Overlay>("none");
  const [surface, setSurface] = useState<HTMLDivElement | null>(null);
  const [mouseSteers, setMouseSteers] = useState(false);

  const mark = useCallback(
    (asked: string) => {
      const meant = session && markOf(asked, session.snapshot.status);
      if (meant) session.mark(meant);
    },
    [session],
  );
  const [chosen, setChosen] = useState<HoldWay | null>(null);
  const way = wayOf(chosen, status);
  const choose = (next: HoldWay) => {
    rememberWay(next, status);
    setChosen(next);
  };
  const asking = status?.phone === "asking";
  const hand = useHand(session, surface, overlay === "none" && !asking, mark);
  const help = () => setOverlay("keys");
  usePageKeys({ h: help, "?": help, n: () => mark("reset"), p: () => status?.can_push && choose(way === "push" ? "take-over" : "push") }, overlay === "none" && !asking);
  useEffect(() => {
    if (hand) hand.mouseSteers = mouseSteers;
  }, [hand, mouseSteers]);
  useLayoutEffect(() => {
    if (hand) hand.pushes = way === "push"; // before anybody can see that it does
  }, [hand, way]);
  useEffect(() => setBeside(scene?.observation_cameras ?? []), [scene]);
  useEffect(() => session?.setWant(wanted(middle, beside)), [session, middle, beside]);

  const roundTrip = status?.control.rtt_ms ?? 0;
  return (
    <div class="operate">
      <TopBar trail={[{ label: run, href: href({ page: "run", run }) }]}
        title={status?.correct === "demonstrate" ? "Demonstrate" : "Operate"}>
        <button type="button" onClick={() => setOverlay("pair")}><Icon name="phone" />Pair a phone</button>
        <button type="button" aria-label="Keys and devices" onClick={help}>Keys <kbd>H</kbd></button>
      </TopBar>
      <StateBanner snapshot={snapshot} way={way} onRetry={() => session?.retry()} />
      <Notice text={snapshot.error} onClose={() => session?.clearError()} />
      {status?.complete && status.state === "ENDED" && (
        <p class="complete" role="status">
          This round has all that it needs. <a href={href({ page: "run", run })}>Train it on the run’s page</a>, or add more.
        </p>
      )}
      <main class="operate-main">
        {session && scene ? (
          <StagePane session={session} message={scene} state={shownState(snapshot)} middle={middle} roundTrip={roundTrip}
            hint={status?.phone === "none" && status.state !== "YOU" && status.state !== "PUSH"} surface={setSurface} onMiddle={setMiddle}
            way={status?.can_push ? way : null} hasPolicy={status?.correct !== "demonstrate"} onWay={choose}
            mouseSteers={mouseSteers} onMouseSteers={setMouseSteers} />
        ) : <div class="stage stage-empty" aria-hidden="true" />}
        <aside class="operate-side">
          {session && status && <StatusPanel session={session} status={status} />}
          {session && scene && (
            <CameraStrip session={session} message={scene} shown={besideOnly(middle, beside)} chosen={beside}
              roundTrip={roundTrip} onChoose={setBeside} />
          )}
        </aside>
      </main>
      <MarkBar status={snapshot.connection === "live" ? status : null} waiting={snapshot.marksWaiting} onMark={mark} />
      {status && <UndoToast last={status.last} onUndo={() => mark("undo")} />}
      {overlay === "pair" && <PairDialog phone={status?.phone ?? "none"} onClose={() => setOverlay("none")} />}
      {overlay === "keys" && (
        <KeyHelp bindings={hand?.bindings ?? []} onClose={() => setOverlay("none")}
          onSpaceMouse={() => hand?.connectSpaceMouse() ?? Promise.reject(new Error("There is no session yet."))} />
      )}
      {asking && <PhoneRequest onAnswer={(allow) => session?.answerPhone(allow)} />}
    </div>
  );
}
