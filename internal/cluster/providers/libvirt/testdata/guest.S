# A guest of one disk sector: it writes the Ignition document that QEMU's firmware configuration device holds to the first serial port,
# as a node image would read it, and stops its processor. Assembled by
#   as --32 -o guest.o guest.S && ld -m elf_i386 -Ttext=0x7c00 --oformat binary -o guest.img guest.o
	.code16
	.globl _start
_start:
	cli
	xorw %ax, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movw $0x7c00, %sp
	cld
	movw $hello, %si
	call print
	movw $0x19, %ax		# the directory of files
	call select
	movw $0x8000, %di
	movw $4, %cx
	rep insb		# their number, big endian
	movw 0x8002, %ax
	xchgb %ah, %al
	movw %ax, %bp
next:
	testw %bp, %bp
	jz none
	decw %bp
	movw $0x8000, %di
	movw $64, %cx
	movw $0x511, %dx
	rep insb		# size, key, reserved, name
	movw $0x8008, %si
	movw $name, %di
	movw $(name_end - name), %cx
	repe cmpsb
	jne next
	movw 0x8004, %ax
	xchgb %ah, %al
	call select
	movw 0x8002, %cx
	xchgb %ch, %cl
write:
	jcxz done
	inb %dx, %al
	call put
	movw $0x511, %dx
	decw %cx
	jmp write
none:
	movw $nothing, %si
	call print
done:
	movw $bye, %si
	call print
stop:
	hlt
	jmp stop
select:
	movw $0x510, %dx
	outw %ax, %dx
	incw %dx
	ret
print:
	lodsb
	testb %al, %al
	jz 1f
	call put
	jmp print
1:	ret
put:
	movb %al, %ah
	movw $0x3fd, %dx
1:	inb %dx, %al
	testb $0x20, %al
	jz 1b
	movb %ah, %al
	movw $0x3f8, %dx
	outb %al, %dx
	ret
hello:	.asciz "guest: started\r\nguest: document "
nothing: .asciz "none"
bye:	.asciz "\r\nguest: end\r\n"
name:	.asciz "opt/com.coreos/config"
name_end:
	.org 510
	.word 0xaa55
