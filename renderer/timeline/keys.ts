/** What a key on the camera's page asks for. */
export type TimelineAction =
  | { readonly do: 'nudge'; readonly ms: number }
  | { readonly do: 'step'; readonly frames: 1 | -1 }
  | { readonly do: 'toggle' }
  | { readonly do: 'live' }
  | { readonly do: 'oldest' }
  | { readonly do: 'zoom'; readonly inward: boolean }
  | { readonly do: 'faster'; readonly by: 1 | -1 };

/** The keys, by `KeyboardEvent.key`; as said in the README and in the buttons' titles. */
export function actionOf(key: string, shift: boolean): TimelineAction | undefined {
  switch (key) {
    case 'ArrowLeft':
      return { do: 'nudge', ms: shift ? -10_000 : -1000 };
    case 'ArrowRight':
      return { do: 'nudge', ms: shift ? 10_000 : 1000 };
    case ',':
      return { do: 'step', frames: -1 };
    case '.':
      return { do: 'step', frames: 1 };
    case ' ':
      return { do: 'toggle' };
    case '+':
    case '=':
      return { do: 'zoom', inward: true };
    case '-':
      return { do: 'zoom', inward: false };
    case 'Home':
      return { do: 'oldest' };
    case 'End':
    case 'l':
    case 'L':
      return { do: 'live' };
    case '[':
      return { do: 'faster', by: -1 };
    case ']':
      return { do: 'faster', by: 1 };
    default:
      return undefined;
  }
}
