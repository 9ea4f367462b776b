/**
 * A phone with AR for browser tests: inject after iwer's build (build/iwer.min.js), before the page's scripts.
 *
 *   window.__phone.setPose([x, y, z], [w, x, y, z])  where the phone is, in metres and wxyz
 *   window.__phone.setTracking(false)                no pose, as when the camera sees nothing
 *   window.__phone.resetOrigin()                     the tracker's origin moves: a `reset` event
 *   window.__phone.setVisible(false)                 the session is hidden
 *   window.__phone.endSession()                      as the phone's back button does
 *   window.__phone.vibrations                        what was asked of the motor so far
 */
(() => {
  const { XRDevice } = window.IWER;
  const device = new XRDevice({
    name: "Emulated phone",
    controllerConfig: undefined,
    supportedSessionModes: ["inline", "immersive-ar"],
    supportedFeatures: ["viewer", "local", "dom-overlay"],
    supportedFrameRates: [60],
    isSystemKeyboardSupported: false,
    internalNominalFrameRate: 60,
    environmentBlendModes: { "immersive-ar": "alpha-blend" },
    interactionMode: "screen-space",
    userAgent: navigator.userAgent,
  });
  device.installRuntime({ forceInstall: true });
  device.stereoEnabled = false;

  let isTracking = true;
  let session = null;
  const vibrations = [];

  const frame = window.XRFrame.prototype;
  const getViewerPose = frame.getViewerPose;
  frame.getViewerPose = function (space) {
    return isTracking ? getViewerPose.call(this, space) : null;
  };

  const requestSession = navigator.xr.requestSession.bind(navigator.xr);
  navigator.xr.requestSession = async (mode, options) => {
    session = await requestSession(mode, options);
    return session;
  };

  navigator.vibrate = (pattern) => {
    vibrations.push(pattern);
    return true;
  };

  // The emulator lays its canvas over the page; on a phone the page is the overlay.
  const style = document.createElement("style");
  style.textContent = "[data-webxr_runtime] { pointer-events: none !important; z-index: -1 !important; }";
  const addStyle = () => document.documentElement.append(style);
  if (document.documentElement) addStyle();
  else document.addEventListener("readystatechange", addStyle, { once: true });

  const setPose = (position, quat) => {
    if (position) device.position.set(position[0], position[1], position[2]);
    if (quat) device.quaternion.set(quat[1], quat[2], quat[3], quat[0]);
  };
  setPose([0, 1.3, 0], [1, 0, 0, 0]);

  window.__phone = {
    device,
    vibrations,
    setPose,
    setTracking: (tracking) => (isTracking = tracking),
    resetOrigin: () => device.recenter(),
    setVisible: (visible) => device.updateVisibilityState(visible ? "visible" : "hidden"),
    endSession: () => session?.end(),
    get hasSession() {
      return Boolean(device.activeSession);
    },
  };
})();
