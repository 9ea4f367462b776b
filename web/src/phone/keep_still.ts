/** No menu, selection, zoom or scrolling under a thumb that stays down. */
export function keepStill(): void {
  const stop = (event: Event) => event.preventDefault();
  for (const type of ["contextmenu", "selectstart", "gesturestart", "dragstart", "beforexrselect"]) {
    document.addEventListener(type, stop);
  }
  document.addEventListener(
    "touchmove",
    (event) => {
      const isSlider = event.target instanceof Element && event.target.matches("input[type=range]");
      if (!isSlider && event.cancelable) event.preventDefault();
    },
    { passive: false },
  );
}
