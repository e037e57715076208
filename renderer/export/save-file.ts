/** Where an exported file goes, piece by piece. */
export interface SaveTarget {
  write(bytes: Uint8Array): Promise<void>;
  /** All is there: it gets its name. */
  finish(): Promise<void>;
  /** Nothing is left of it. */
  abort(): Promise<void>;
}

interface FileHandle {
  createWritable(): Promise<{ write(bytes: Uint8Array): Promise<void>; close(): Promise<void>; abort(): Promise<void> }>;
}
type Picker = (options: { suggestedName: string; types: readonly object[] }) => Promise<FileHandle>;

/**
 * Asks where the file shall go, where the browser can; else it is gathered and downloaded at the end. To be called in a person's click.
 * Null when the person thought better of it.
 */
export async function saveTarget(name: string, ask: boolean): Promise<SaveTarget | null> {
  const picker = (window as { showSaveFilePicker?: Picker }).showSaveFilePicker;
  if (ask && picker) {
    try {
      const types = [{ description: 'MP4 video', accept: { 'video/mp4': ['.mp4'] } }];
      const writable = await (await picker.call(window, { suggestedName: name, types })).createWritable();
      return { write: (bytes) => writable.write(bytes), finish: () => writable.close(), abort: () => writable.abort() };
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') return null;
      // A host that has no such window of its own: the download does it.
    }
  }
  return downloadTarget(name);
}

/** The browser keeps large blobs on the disk by itself; pieces are joined so that not every frame is one. */
function downloadTarget(name: string): SaveTarget {
  let parts: Blob[] = [];
  return {
    async write(bytes) {
      parts.push(new Blob([bytes as Uint8Array<ArrayBuffer>]));
      if (parts.length >= 256) parts = [new Blob(parts)];
    },
    async finish() {
      const url = URL.createObjectURL(new Blob(parts, { type: 'video/mp4' }));
      parts = [];
      const link = document.createElement('a');
      link.href = url;
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    },
    async abort() {
      parts = [];
    },
  };
}
