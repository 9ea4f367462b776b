/** Every method in one line. */
export const METHOD_LINES: Record<string, string> = {
  iwr: "Learns from all samples; those of your take-overs weigh as much as the policy’s together.",
  "iwr-nb": "Learns from all samples alike, yours and the policy’s.",
  "hg-dagger": "Learns only from the samples in which you acted.",
  "full-demos": "You demonstrate whole episodes in every round and never take over.",
  retrain: "You push while the policy goes on; it is trained anew on the demonstrations and where your pushes led.",
  finetune: "You push while the policy goes on; the first policy learns on, from where your pushes led alone.",
  "finetune-kl": "You push while the policy goes on; the first policy learns on from that, held near to what it was.",
  residual: "You push while the policy goes on; a small policy beside the first learns to move it as you did.",
  "compliant-residual":
    "You push while the policy goes on; a small policy beside the first learns, by what the tool feels, to move and press as you did.",
};
