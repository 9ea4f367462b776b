"""The figures that paper 1 (IWR) reports: success in per cent, mean and deviation over three training seeds."""

TABLE_1 = {
    ("base", "final"): "58.0±9.2",
    ("full-demos", "final"): "76.7±2.3",
    ("hg-dagger", "round 1"): "57.3±9.5",
    ("hg-dagger", "round 2"): "62.7±5.0",
    ("hg-dagger", "final"): "75.3±8.1",
    ("iwr-nb", "round 1"): "76.0±6.9",
    ("iwr-nb", "round 2"): "72.0±3.5",
    ("iwr-nb", "final"): "74.7±1.2",
    ("iwr", "round 1"): "84.0±5.3",
    ("iwr", "round 2"): "90.7±3.1",
    ("iwr", "final"): "87.3±5.0",
}
TABLE_2 = {
    ("base", "final"): "52.0±3.5",
    ("full-demos", "final"): "64.9±8.3",
    ("hg-dagger", "round 1"): "70.2±15.3",
    ("hg-dagger", "round 2"): "71.1±9.7",
    ("hg-dagger", "final"): "69.6±10.1",
    ("iwr", "round 1"): "79.6±8.9",
    ("iwr", "round 2"): "79.5±11.7",
    ("iwr", "final"): "87.5±9.4",
}
TABLE_3 = {
    ("hg-dagger", "data of hg-dagger"): "75.3±8.1",
    ("hg-dagger", "data of iwr-nb"): "72.0±5.3",
    ("hg-dagger", "data of iwr"): "81.3±4.2",
    ("iwr-nb", "data of hg-dagger"): "80.0±1.4",
    ("iwr-nb", "data of iwr-nb"): "74.7±1.2",
    ("iwr-nb", "data of iwr"): "86.0±4.0",
    ("iwr", "data of hg-dagger"): "87.3±6.4",
    ("iwr", "data of iwr-nb"): "84.7±6.4",
    ("iwr", "data of iwr"): "87.3±5.0",
}
TABLE_4 = {
    ("hg-dagger", "data of hg-dagger"): "69.6±10.1",
    ("hg-dagger", "data of iwr"): "71.6±16.1",
    ("iwr", "data of hg-dagger"): "85.6±6.5",
    ("iwr", "data of iwr"): "87.5±9.4",
}
