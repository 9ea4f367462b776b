/** The view that a scene opens with, apart from three.js so that it costs no load. */
export const FREE = "free";
