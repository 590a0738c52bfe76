/** What the server fills into client.js, as JSON, when it serves it. */
declare const __BASE__: string;
declare const __SERVER_HOST__: string;
declare const __WS_PROTOCOL__: string | null;
declare const __WS_HOSTNAME__: string | null;
declare const __WS_PORT__: number | null;
declare const __WS_DIRECT_TARGET__: string;
declare const __WS_BASE__: string;
declare const __WS_TIMEOUT__: number;
declare const __WS_OVERLAY__: boolean;
declare const __WS_TOKEN__: string;
declare const __SERVED_AT__: string;
declare const __DEFINES__: Record<string, unknown>;
declare const __FORWARD_CONSOLE__: string[] | null;

/** What the server fills into pack.js. */
declare const __PACK__: {
  mark: string;
  modules: Array<[names: string[], text: string]>;
  imports: Record<string, string>;
};
