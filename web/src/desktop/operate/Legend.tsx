/** What the arrows at the tool say. */
export function Legend({ canPush, hasPolicy }: { canPush: boolean; hasPolicy: boolean }) {
  return (
    <ul class="stage-legend" aria-label="Arrows at the tool">
      {hasPolicy && <li class="of-heading">the policy heads there</li>}
      <li class="of-contact">contact force</li>
      {canPush && <li class="of-push">your push</li>}
    </ul>
  );
}
